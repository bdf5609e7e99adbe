public import Bytes

/// One attribute of a netlink message: struct nlattr and its payload.
public struct NetlinkAttribute: Equatable, Sendable {
    /// Bytes of the header.
    public static let headerSize = 4
    /// Its payload is attributes (NLA_F_NESTED).
    static let nested: UInt16 = 0x8000
    /// The bits of the type that say which attribute it is (NLA_TYPE_MASK).
    static let typeMask: UInt16 = 0x3fff

    /// Which one, by its family's numbers.
    public var type: UInt16
    /// Its payload.
    public var payload: [UInt8]

    /// Makes an attribute of bytes.
    public init(_ type: UInt16, _ payload: [UInt8]) {
        self.type = type
        self.payload = payload
    }

    /// Makes an attribute of a number.
    public init(_ type: UInt16, _ value: some FixedWidthInteger) {
        var writer = ByteWriter(capacity: 8)
        writer.write(value)
        self.init(type, writer.bytes)
    }

    /// Makes an attribute of a text, which ends with NUL.
    public init(_ type: UInt16, text: String) {
        self.init(type, Array(text.utf8) + [0])
    }

    /// Makes an attribute of attributes.
    public init(_ type: UInt16, nesting attributes: [NetlinkAttribute]) {
        self.init(type | Self.nested, Self.encode(attributes))
    }

    /// How many bytes bring a length to a boundary of 4.
    static func padding(_ length: Int) -> Int { (4 - length % 4) % 4 }

    /// The bytes of attributes, each padded to a boundary of 4.
    public static func encode(_ attributes: [NetlinkAttribute]) -> [UInt8] {
        var writer = ByteWriter()
        for attribute in attributes {
            let length = headerSize + attribute.payload.count
            precondition(length <= UInt16.max, "an attribute has at most 65,531 bytes")
            writer.write(UInt16(length))
            writer.write(attribute.type)
            writer.writeRaw(attribute.payload)
            writer.writeRaw(repeatElement(0, count: padding(length)))
        }
        return writer.bytes
    }

    /// Decodes attributes; their types come without the flag of nesting.
    public static func decode(
        _ bytes: some Collection<UInt8>
    ) throws(BytesError) -> [NetlinkAttribute] {
        var attributes: [NetlinkAttribute] = []
        var reader = ByteReader(bytes)
        while reader.remaining >= headerSize {
            let length = Int(try reader.integer(as: UInt16.self))
            let type = try reader.integer(as: UInt16.self) & typeMask
            guard length >= headerSize else {
                throw .invalid(field: "attribute length", value: UInt64(length))
            }
            attributes.append(
                NetlinkAttribute(type, Array(try reader.raw(length - headerSize))))
            try reader.skip(min(reader.remaining, padding(length)))
        }
        return attributes
    }

    /// The payload as a number; throws where it has another width.
    public func number<Number: FixedWidthInteger>(
        as type: Number.Type = Number.self
    ) throws(BytesError) -> Number {
        var reader = ByteReader(payload)
        let value: Number = try reader.integer()
        guard reader.remaining == 0 else {
            throw .invalid(field: "attribute width", value: UInt64(payload.count))
        }
        return value
    }
}
