public import Bytes

/// Remote procedure calls over a byte stream.
///
/// RFC 5531, and its section 11 for record marks.
public enum RPCMessage {
    /// NFS version 3 (RFC 1813, section 3).
    private static let program: UInt32 = 100_003
    private static let version: UInt32 = 3
    /// The high bit of a record mark: this fragment is the record's last.
    private static let lastFragment: UInt32 = 0x8000_0000

    /// A call as it goes over the wire, record mark first.
    ///
    /// The caller is user 0 of the machine `bridge` (AUTH_SYS, RFC 5531, appendix A).
    /// - Parameter payloadCount: bytes of data, with padding, that the caller sends behind it.
    public static func call(
        _ request: NFSRequest, id: UInt32, payloadCount: Int = 0
    ) -> [UInt8] {
        var writer = XDRWriter()
        writer.write(UInt32(0))
        writer.write(id)
        for word: UInt32 in [0, 2, program, version, request.procedure] { writer.write(word) }
        writer.write(UInt32(1))
        writer.write(UInt32(28))
        writer.write(UInt32(0))
        writer.write(Array("bridge".utf8))
        for word: UInt32 in [0, 0, 0, 0, 0] { writer.write(word) }
        request.encode(into: &writer)
        let length = writer.bytes.count - 4 + payloadCount
        writer.patch(lastFragment | UInt32(length), at: 0)
        return writer.bytes
    }

    /// The length of the record behind a mark, in bytes.
    ///
    /// Servers of NFS send every record as one fragment; anything else is refused.
    public static func recordLength(mark: UInt32) throws(BytesError) -> Int {
        guard mark & lastFragment != 0 else {
            throw .invalid(field: "record mark", value: UInt64(mark))
        }
        let length = Int(mark & ~lastFragment)
        guard length <= NFSLimits.message else {
            throw .tooLong(length: length, limit: NFSLimits.message)
        }
        guard length >= 8 else { throw .truncated(needed: 8, available: length) }
        return length
    }
}

/// The head of a reply: which call it answers, and how far the server came.
public struct RPCReplyHeader: Equatable, Sendable {
    /// The call's id.
    public let id: UInt32
    /// Whether the server ran the procedure: its status and results follow.
    public let isAccepted: Bool

    /// Decodes a reply up to where the procedure's results begin.
    public init(_ reader: inout XDRReader) throws(BytesError) {
        id = try reader.word()
        let direction = try reader.word()
        guard direction == 1 else {
            throw .invalid(field: "message type", value: UInt64(direction))
        }
        guard try reader.word() == 0 else {
            isAccepted = false
            return
        }
        _ = try reader.word()
        _ = try reader.opaqueRange(limit: 400)
        isAccepted = try reader.word() == 0
    }
}
