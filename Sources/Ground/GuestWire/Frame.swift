public import Bytes

/// One frame of the guest wire: a kind, an id that pairs replies with requests, and a payload.
public struct Frame: Equatable, Sendable {
    /// Bytes of a frame before its payload: length, kind and id.
    public static let headerSize = 10

    /// What the payload is; see `Request`, `Reply` and `Greeting`.
    public var kind: UInt16
    /// The request's number; a reply repeats it.
    public var id: UInt32
    /// The message's fields.
    public var payload: [UInt8]

    /// Makes a frame.
    public init(kind: UInt16, id: UInt32, payload: [UInt8]) {
        self.kind = kind
        self.id = id
        self.payload = payload
    }

    /// The frame's bytes, length first.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.headerSize + payload.count)
        writer.write(UInt32(6 + payload.count))
        writer.write(kind)
        writer.write(id)
        writer.writeRaw(payload)
        return writer.bytes
    }

    /// Decodes the length field; throws where the peer announces more than the limit.
    public static func length(of header: some Collection<UInt8>) throws(BytesError) -> Int {
        var reader = ByteReader(header)
        let length = Int(try reader.integer(as: UInt32.self))
        guard length >= 6 else { throw .invalid(field: "frame length", value: UInt64(length)) }
        guard length <= GuestWire.Limits.frame else {
            throw .tooLong(length: length, limit: GuestWire.Limits.frame)
        }
        return length
    }

    /// Decodes what follows the length field.
    public init(body: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(body)
        kind = try reader.integer()
        id = try reader.integer()
        payload = Array(try reader.raw(reader.remaining))
    }
}
