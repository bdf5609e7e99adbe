public import Bytes

/// Generic netlink: families of commands that the kernel's modules register by name.
///
/// Source: include/uapi/linux/genetlink.h of Linux.
public enum GenericNetlink {
    /// Bytes of struct genlmsghdr.
    static let headerSize = 4
    /// The family that knows the others: GENL_ID_CTRL.
    static let controller: UInt16 = 16
    /// The longest name of a family, without its NUL.
    static let nameLimit = 15

    /// A request of a family, to be acknowledged.
    public static func request(
        family: UInt16, command: UInt8, version: UInt8, sequence: UInt32,
        _ attributes: [NetlinkAttribute]
    ) -> NetlinkMessage {
        NetlinkMessage(
            type: family, flags: [.request, .acknowledge], sequence: sequence,
            body: [command, version, 0, 0] + NetlinkAttribute.encode(attributes))
    }

    /// Asks for a family's number by its name; ENOENT where nobody has registered it.
    public static func findFamily(_ name: String, sequence: UInt32) -> NetlinkMessage {
        precondition(name.utf8.count <= nameLimit, "a family's name has at most 15 bytes")
        return request(
            family: controller, command: 3, version: 2, sequence: sequence,
            [NetlinkAttribute(2, text: name)])
    }

    /// The family's number in an answer to `findFamily`; nil where the message is another one.
    public static func family(in message: NetlinkMessage) throws(BytesError) -> UInt16? {
        guard message.type == controller else { return nil }
        return try attributes(of: message).first { $0.type == 1 }?.number()
    }

    /// What follows a generic message's own header.
    public static func attributes(
        of message: NetlinkMessage
    ) throws(BytesError) -> [NetlinkAttribute] {
        guard message.body.count >= headerSize else {
            throw .truncated(needed: headerSize, available: message.body.count)
        }
        return try NetlinkAttribute.decode(message.body[headerSize...])
    }
}
