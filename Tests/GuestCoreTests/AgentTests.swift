import Bytes
import GuestWire
import Platform
import Testing

@testable import GuestCore

@Suite struct KernelCommandLineTests {
    @Test func `reads its own words among others`() {
        let line = KernelCommandLine(
            "root=/dev/ram0 causeway.mtu=9000 quiet causeway.hostmac=02:00:0a:Bc:00:ff\n")
        #expect(line.mtu == 9000)
        #expect(line.hostHardware == [2, 0, 10, 0xbc, 0, 0xff])
    }

    @Test func `has nothing where nothing was said`() {
        let line = KernelCommandLine("quiet")
        #expect(line.mtu == nil)
        #expect(line.hostHardware == nil)
    }

    @Test(arguments: [
        "causeway.mtu=", "causeway.mtu=abc", "causeway.mtu=10", "causeway.mtu=70000",
        "xcauseway.mtu=1500", "causeway.mtux=1500", "causeway.hostmac=1:2:3:4:5:6",
        "causeway.hostmac=02:00:00:00:00", "causeway.hostmac=02:00:00:00:00:zz",
        "causeway.hostmac=02:00:00:00:00:00:00",
    ])
    func `passes over what makes no sense`(text: String) {
        #expect(KernelCommandLine(text) == KernelCommandLine(""))
    }
}

@Suite struct KernelMessagesTests {
    static func text(_ record: String) -> String? {
        KernelMessages.text(of: Array(record.utf8)[...])
    }

    @Test func `takes the text of a record`() {
        #expect(
            Self.text("6,1234,5678,-;EXT4-fs (vda): mounted\n SUBSYSTEM=block\n")
                == "EXT4-fs (vda): mounted")
    }

    @Test func `leaves out what came from user space`() {
        #expect(Self.text("11,1,1,-;causeway-guest: hello\n") == nil)
    }

    @Test func `leaves out what is no record`() {
        #expect(Self.text("no semicolon") == nil)
        #expect(Self.text(";text") == nil)
    }

    @Test func `cuts a line at its limit`() {
        let line = Self.text("6,1,1,-;" + String(repeating: "x", count: 5000) + "\n")
        #expect(line?.utf8.count == KernelMessages.Limits.lineBytes)
    }
}

@Suite struct PortMapperTests {
    @Test func `answers a call with its own number and success`() {
        let answer = PortMapper.answer(to: [1, 2, 3, 4, 0, 0, 0, 0])
        #expect(answer[..<8] == [0x80, 0, 0, 28, 1, 2, 3, 4])
        #expect(answer[8..<12] == [0, 0, 0, 1])
        #expect(answer.suffix(8) == [0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test func `takes whole records only`() {
        var pending: [UInt8] = [0x80, 0, 0, 3, 7, 8]
        #expect(PortMapper.takeCall(&pending) == nil)
        pending += [9, 0x80]
        #expect(PortMapper.takeCall(&pending) == [7, 8, 9])
        #expect(pending == [0x80])
    }
}

@Suite struct NFSServerTests {
    @Test func `reads the kernel's file handles`() {
        #expect(NFSServer.bytes(ofHex: Array("\\x0100ff\n".utf8)) == [1, 0, 255])
        #expect(NFSServer.bytes(ofHex: Array("\\x".utf8)) == nil)
        #expect(NFSServer.bytes(ofHex: Array("0100".utf8)) == nil)
        #expect(NFSServer.bytes(ofHex: Array("\\x010".utf8)) == nil)
        #expect(NFSServer.bytes(ofHex: Array("\\x01zz".utf8)) == nil)
        #expect(NFSServer.bytes(ofHex: []) == nil)
    }

    @Test func `writes file-system ids as their bytes in memory`() {
        #expect(NFSServer.escaped(UInt32(littleEndian: 0x0a0b_0c0d)) == "\\x0d0c0b0a")
    }
}

@Suite struct ServerHandleTests {
    @Test func `tells export and file apart`() throws {
        let handle = try ServerHandle([1, 0, 1, 0x81, 5, 0, 0, 0, 9, 8, 7, 6])
        #expect(handle.export == 2)
        #expect(handle.file?.type == 0x81)
        #expect(handle.file?.bytes == [9, 8, 7, 6])
    }

    @Test func `knows the root by its missing file`() throws {
        let handle = try ServerHandle([1, 0, 1, 0, 4, 0, 0, 0])
        #expect(handle.export == 2)
        #expect(handle.file == nil)
    }

    @Test(
        arguments: [
            [], [1], [1, 0, 1, 0], [2, 0, 1, 0, 4, 0, 0, 0], [1, 1, 1, 0, 4, 0, 0, 0],
            [1, 0, 6, 0, 4, 0, 0, 0], [1, 0, 1, 0, 4, 0, 0, 0, 9], [1, 0, 1, 1, 4, 0, 0, 0],
        ] as [[UInt8]])
    func `rejects what the server does not give out`(bytes: [UInt8]) {
        #expect(throws: BytesError.self) { try ServerHandle(bytes) }
    }
}

@Suite struct AgentConnectionTests {
    @Test func `takes frames as they become whole`() throws {
        let first = Request.ping.frame(id: 1)
        let second = Request.unmount(export: 3).frame(id: 2)
        var pending: [UInt8] = []
        var taken: [Frame] = []
        for byte in first.encoded + second.encoded {
            pending.append(byte)
            if let frame = try AgentConnection.takeFrame(&pending) { taken.append(frame) }
        }
        #expect(taken == [first, second])
        #expect(pending.isEmpty)
    }

    @Test func `rejects a frame past the limit at its header`() {
        var pending: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        #expect(throws: BytesError.self) { try AgentConnection.takeFrame(&pending) }
    }
}

@Suite struct PassThroughTraitsTests {
    @Test func `knows where spellings and inode numbers can be relied on`() {
        let exfat = PassThroughTraits(driver: "exfat")
        #expect(exfat.foldsNames && !exfat.keepsInodeNumbers)
        let minix = PassThroughTraits(driver: "minix")
        #expect(!minix.foldsNames && minix.keepsInodeNumbers)
        #expect(PassThroughTraits(driver: "hfsplus").foldsNames)
    }

    @Test func `is careful with what it does not know`() {
        #expect(PassThroughTraits(driver: "unheard-of").foldsNames)
    }
}
