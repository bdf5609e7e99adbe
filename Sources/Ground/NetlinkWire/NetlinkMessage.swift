public import Bytes

/// Flags of a netlink message (`nlmsg_flags`).
public struct NetlinkFlags: OptionSet, Sendable {
    /// The bits of nlmsg_flags.
    public let rawValue: UInt16
    /// Wraps the bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// It asks for something (NLM_F_REQUEST).
    public static let request = NetlinkFlags(rawValue: 1)
    /// More messages belong to it (NLM_F_MULTI).
    public static let several = NetlinkFlags(rawValue: 2)
    /// It wants to know that it was done (NLM_F_ACK).
    public static let acknowledge = NetlinkFlags(rawValue: 4)
}

/// One netlink message: struct nlmsghdr and what follows it.
///
/// Source: include/uapi/linux/netlink.h of Linux. Integers are in the machine's byte order; every
/// machine that this runs on is little-endian, and so is this code.
public struct NetlinkMessage: Equatable, Sendable {
    /// Bytes of the header.
    public static let headerSize = 16
    /// The longest message that is taken, in bytes: more than any answer that is asked for.
    public static let limit = 1 << 16
    /// An answer's end: NLMSG_ERROR, with 0 where all went well.
    public static let errorType: UInt16 = 2
    /// The end of an answer of several messages: NLMSG_DONE.
    public static let doneType: UInt16 = 3

    /// What it is about: a family's number, or one of the above.
    public var type: UInt16
    /// What it wants.
    public var flags: NetlinkFlags
    /// Pairs an answer with its question.
    public var sequence: UInt32
    /// What follows the header.
    public var body: [UInt8]

    /// Makes a message.
    public init(type: UInt16, flags: NetlinkFlags, sequence: UInt32, body: [UInt8]) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.body = body
    }

    /// Its bytes.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.headerSize + body.count)
        writer.write(UInt32(Self.headerSize + body.count))
        writer.write(type)
        writer.write(flags.rawValue)
        writer.write(sequence)
        writer.write(UInt32(0))  // The kernel fills in who sends.
        writer.writeRaw(body)
        return writer.bytes
    }

    /// Decodes the messages of one datagram, one behind the other on boundaries of 4 bytes.
    public static func decode(_ datagram: [UInt8]) throws(BytesError) -> [NetlinkMessage] {
        guard datagram.count <= limit else {
            throw .tooLong(length: datagram.count, limit: limit)
        }
        var messages: [NetlinkMessage] = []
        var reader = ByteReader(datagram)
        while reader.remaining >= headerSize {
            let length = Int(try reader.integer(as: UInt32.self))
            guard length >= headerSize, length - 4 <= reader.remaining else {
                throw .invalid(field: "netlink length", value: UInt64(length))
            }
            let type: UInt16 = try reader.integer()
            let flags = NetlinkFlags(rawValue: try reader.integer())
            let sequence: UInt32 = try reader.integer()
            try reader.skip(4)
            let body = Array(try reader.raw(length - headerSize))
            try reader.skip(min(reader.remaining, NetlinkAttribute.padding(length)))
            messages.append(
                NetlinkMessage(type: type, flags: flags, sequence: sequence, body: body))
        }
        return messages
    }

    /// The errno that this message brings, 0 for "done"; nil where it is no end of an answer.
    public func outcome() throws(BytesError) -> Int32? {
        guard type == Self.errorType else { return nil }
        var reader = ByteReader(body)
        let error: Int32 = try reader.integer()
        guard error <= 0, error > -4096 else {
            throw .invalid(field: "netlink error", value: UInt64(UInt32(bitPattern: error)))
        }
        return -error
    }
}
