public import Bytes

/// Payload of NBD_REPLY_TYPE_OFFSET_DATA before the data: where the data belongs.
public enum NBDDataChunk {
    /// Bytes before the data.
    public static let prefix = 8

    /// Decodes the offset from exactly eight bytes.
    @inlinable
    public static func offset(decoding bytes: UnsafeRawBufferPointer) throws(BytesError) -> UInt64 {
        try bytes.require(exactly: prefix)
        return bytes.big(0, as: UInt64.self)
    }

    /// Stores the offset in the first eight bytes of a buffer that has them.
    @inlinable
    public static func encode(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= prefix, "no room for an offset")
        bytes.put(offset, at: 0)
    }
}

/// Payload of NBD_REPLY_TYPE_OFFSET_HOLE: zeros that are not sent.
public struct NBDHoleChunk: Equatable, Sendable {
    /// Size in bytes.
    public static let size = 12
    /// First byte of the hole.
    public var offset: UInt64
    /// Length in bytes, never 0.
    public var length: UInt32

    /// Makes a hole.
    public init(offset: UInt64, length: UInt32) {
        self.offset = offset
        self.length = length
    }

    /// Decodes exactly 12 bytes.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(BytesError) {
        try bytes.require(exactly: Self.size)
        offset = bytes.big(0, as: UInt64.self)
        length = bytes.big(8, as: UInt32.self)
        guard length > 0 else { throw .invalid(field: "hole size", value: 0) }
    }

    /// Stores the hole in the first 12 bytes of a buffer that has them.
    public func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.size, "no room for a hole")
        bytes.put(offset, at: 0)
        bytes.put(length, at: 8)
    }
}

/// Payload of an error chunk.
public struct NBDErrorChunk: Equatable, Sendable {
    /// What went wrong; never `success`.
    public var error: NBDErrorNumber
    /// Words for people; may be empty.
    public var message: String
    /// Where it went wrong, for NBD_REPLY_TYPE_ERROR_OFFSET.
    public var offset: UInt64?

    /// Makes an error.
    public init(error: NBDErrorNumber, message: String = "", offset: UInt64? = nil) {
        self.error = error
        self.message = message
        self.offset = offset
    }

    /// The chunk's type.
    public var type: NBDChunkType { offset == nil ? .error : .errorOffset }

    /// Decodes the whole payload of a chunk whose type is an error.
    ///
    /// A message that is no lawful text is left out: it is for display. Of an unknown type, what
    /// follows the message is ignored.
    public init(
        decoding bytes: some Collection<UInt8>, type: NBDChunkType
    ) throws(BytesError) {
        var reader = ByteReader(bytes)
        error = NBDErrorNumber(rawValue: try reader.bigEndian())
        guard error != .success else { throw .invalid(field: "error", value: 0) }
        let length = Int(try reader.bigEndian(as: UInt16.self))
        guard length <= NBDLimits.text else {
            throw .tooLong(length: length, limit: NBDLimits.text)
        }
        var text = ByteReader(try reader.raw(length))
        message = (try? text.string(length)) ?? ""
        offset = nil
        if type == .errorOffset { offset = try reader.bigEndian() }
        if type == .error || type == .errorOffset { try reader.finish() }
    }

    /// The payload; a message that is too long is cut.
    public var encoded: [UInt8] {
        var text = message[...]
        while text.utf8.count > NBDLimits.text { text = text.dropLast() }
        var writer = ByteWriter(capacity: 16 + text.utf8.count)
        writer.writeBigEndian(error.rawValue)
        writer.writeBigEndian(UInt16(text.utf8.count))
        writer.writeRaw(text.utf8)
        if let offset { writer.writeBigEndian(offset) }
        return writer.bytes
    }
}

/// One extent of a block status.
public struct NBDDescriptor: Equatable, Sendable {
    /// Length in bytes, never 0.
    public var length: UInt64
    /// Flags, as the context defines them.
    public var flags: UInt64

    /// Makes an extent.
    public init(length: UInt64, flags: UInt64) {
        self.length = length
        self.flags = flags
    }
}

/// Payload of NBD_REPLY_TYPE_BLOCK_STATUS and NBD_REPLY_TYPE_BLOCK_STATUS_EXT.
public struct NBDBlockStatus: Equatable, Sendable {
    /// The context that the flags belong to.
    public var context: UInt32
    /// Consecutive extents, at least one.
    public var descriptors: [NBDDescriptor]

    /// Makes a block status.
    public init(context: UInt32, descriptors: [NBDDescriptor]) {
        self.context = context
        self.descriptors = descriptors
    }

    /// Size of a payload with this many extents, in bytes.
    public static func size(_ count: Int, extended: Bool) -> Int {
        extended ? 8 + 16 * count : 4 + 8 * count
    }

    /// Decodes the whole payload; throws `tooLong` above `NBDLimits.descriptors` extents.
    public init(decoding bytes: some Collection<UInt8>, extended: Bool) throws(BytesError) {
        var reader = ByteReader(bytes)
        context = try reader.bigEndian()
        let size = extended ? 16 : 8
        let announced = extended ? Int(try reader.bigEndian(as: UInt32.self)) : nil
        let count = reader.remaining / size
        guard count > 0, count == announced ?? count else {
            throw .invalid(field: "descriptor count", value: UInt64(announced ?? count))
        }
        guard count <= NBDLimits.descriptors else {
            throw .tooLong(length: count, limit: NBDLimits.descriptors)
        }
        descriptors = []
        descriptors.reserveCapacity(count)
        for _ in 0..<count {
            let extent = try NBDDescriptor(&reader, extended: extended)
            guard extent.length > 0 else { throw .invalid(field: "extent length", value: 0) }
            descriptors.append(extent)
        }
        try reader.finish()
    }

    /// The payload; a length of 2^32 or more in a narrow one is cut, which the protocol allows for
    /// the last extent only: the caller ends there.
    public func encoded(extended: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.size(descriptors.count, extended: extended))
        writer.writeBigEndian(context)
        if extended { writer.writeBigEndian(UInt32(descriptors.count)) }
        for descriptor in descriptors {
            if extended {
                writer.writeBigEndian(descriptor.length)
                writer.writeBigEndian(descriptor.flags)
            } else {
                writer.writeBigEndian(UInt32(clamping: descriptor.length))
                writer.writeBigEndian(UInt32(truncatingIfNeeded: descriptor.flags))
            }
        }
        return writer.bytes
    }
}

extension NBDDescriptor {
    fileprivate init(_ reader: inout ByteReader, extended: Bool) throws(BytesError) {
        if extended {
            length = try reader.bigEndian()
            flags = try reader.bigEndian()
        } else {
            length = UInt64(try reader.bigEndian(as: UInt32.self))
            flags = UInt64(try reader.bigEndian(as: UInt32.self))
        }
    }
}
