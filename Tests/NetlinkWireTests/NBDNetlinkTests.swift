import Bytes
import NetlinkWire
import Testing

/// Messages for the kernel's NBD client, byte for byte as `strace nbd-client` shows them.
@Suite struct NBDNetlinkTests {
    @Test func `a family is asked for by its name`() {
        let message = GenericNetlink.findFamily("nbd", sequence: 7)
        #expect(
            message.encoded == [
                28, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // nlmsghdr: GENL_ID_CTRL
                3, 2, 0, 0,  // CTRL_CMD_GETFAMILY, version 2
                8, 0, 2, 0, 0x6e, 0x62, 0x64, 0,  // CTRL_ATTR_FAMILY_NAME
            ])
    }

    @Test func `a device is described with its sockets nested`() throws {
        let device = NBDNetlink.Device(
            sockets: [5, 6], size: 1 << 20, blockSize: 512, serverFlags: 0x10d,
            timeoutSeconds: 120, owner: "s-1")
        let message = NBDNetlink.connect(device, family: 0x1c, sequence: 2)
        #expect(message.type == 0x1c && message.flags == [.request, .acknowledge])
        #expect(message.body.prefix(4) == [1, 1, 0, 0])
        let attributes = try GenericNetlink.attributes(of: message)
        #expect(attributes.map(\.type) == [2, 3, 4, 8, 5, 10, 7])
        #expect(try attributes[0].number(as: UInt64.self) == 1 << 20)
        #expect(try attributes[1].number(as: UInt64.self) == 512)
        #expect(try attributes[2].number(as: UInt64.self) == 120)
        #expect(try attributes[4].number(as: UInt64.self) == 0x10d)
        #expect(attributes[5].payload == Array("s-1".utf8) + [0])
        #expect(
            attributes[6].payload == [
                12, 0, 1, 0x80, 8, 0, 1, 0, 5, 0, 0, 0,
                12, 0, 1, 0x80, 8, 0, 1, 0, 6, 0, 0, 0,
            ])
        // The nested flag is on the wire, and nowhere else.
        let encoded = message.encoded
        #expect(encoded[encoded.count - 28..<encoded.count - 24] == [28, 0, 7, 0x80])
    }

    @Test func `disconnecting names the device by a number of 32 bits`() throws {
        let message = NBDNetlink.disconnect(index: 9, family: 0x1c, sequence: 3)
        #expect(message.body == [2, 1, 0, 0, 8, 0, 1, 0, 9, 0, 0, 0])
        let close = NBDNetlink.disconnectOnClose(
            true, index: 9, owner: "s", family: 0x1c, sequence: 4)
        let attributes = try GenericNetlink.attributes(of: close)
        #expect(close.body.first == 3 && attributes.map(\.type) == [1, 6, 10])
        #expect(try attributes[1].number(as: UInt64.self) == 2)
    }

    @Test func `the answer to a connect brings the number, and then the end`() throws {
        let answer = GenericNetlink.request(
            family: 0x1c, command: 1, version: 1, sequence: 5, [NetlinkAttribute(1, UInt32(3))])
        let end = NetlinkMessage(
            type: 2, flags: [], sequence: 5, body: [0, 0, 0, 0] + [UInt8](repeating: 0, count: 16))
        let messages = try NetlinkMessage.decode(answer.encoded + end.encoded)
        #expect(messages == [answer, end])
        #expect(try NBDNetlink.index(in: messages[0], family: 0x1c) == 3)
        #expect(try NBDNetlink.index(in: messages[1], family: 0x1c) == nil)
        #expect(try messages[0].outcome() == nil)
        #expect(try messages[1].outcome() == 0)
    }

    @Test func `an errno comes as it is`() throws {
        let refusal = NetlinkMessage(
            type: 2, flags: [], sequence: 5, body: [0xff, 0xff, 0xff, 0xff])
        #expect(try refusal.outcome() == 1)
    }
}
