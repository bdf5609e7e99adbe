/// What a configuration message does (AoEr11, section 3.2).
public enum AoEConfigOperation: UInt8, Sendable {
    /// Answers with the string.
    case read = 0
    /// Answers only where the string is exactly this one.
    case test = 1
    /// Answers only where the string begins like this one.
    case testPrefix = 2
    /// Stores the string where there is none.
    case set = 3
    /// Stores the string.
    case forceSet = 4
}

/// The argument of a configuration message.
public struct AoEConfig: Equatable, Sendable {
    /// Bytes before the string.
    public static let headerSize = 8

    /// Messages that the target keeps waiting; what comes beyond is lost.
    public var bufferCount: UInt16 = 0
    /// Version of the target's program.
    public var firmware: UInt16 = 0
    /// Sectors that one message may carry; 0 stands for 2.
    public var sectorCount: UInt8 = 0
    /// Version of the protocol.
    public var version: UInt8 = AoEProtocol.version
    /// An `AoEConfigOperation`; any number to 15 may come.
    public var operation: UInt8
    /// The configuration string, at most 1024 bytes.
    public var text: [UInt8] = []

    /// Makes a question, or the beginning of an answer.
    public init(_ operation: AoEConfigOperation, text: [UInt8] = []) {
        self.operation = operation.rawValue
        self.text = text
    }

    /// Reads what follows the message's header.
    ///
    /// Throws where the string's length is above the protocol's limit or the string is not all
    /// there. A message that only reads has no string, whatever its length field says.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.headerSize, in: bytes)
        bufferCount = bytes.big16(0)
        firmware = bytes.big16(2)
        sectorCount = bytes[4]
        version = bytes[5] >> 4
        operation = bytes[5] & 15
        guard operation != AoEConfigOperation.read.rawValue else { return }
        text = try Self.text(in: bytes)
    }

    /// Reads an answer, whose string counts whatever was asked.
    public init(decodingAnswer bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try self.init(decoding: bytes)
        text = try Self.text(in: bytes)
    }

    private static func text(in bytes: UnsafeRawBufferPointer) throws(AoEWireError) -> [UInt8] {
        let length = Int(bytes.big16(6))
        guard length <= AoEProtocol.configLimit else {
            throw .tooLong(length: length, limit: AoEProtocol.configLimit)
        }
        try need(headerSize + length, in: bytes)
        return Array(bytes[headerSize..<headerSize + length])
    }

    /// The argument's bytes.
    public var encoded: [UInt8] {
        precondition(text.count <= AoEProtocol.configLimit, "a string within the limit")
        var bytes = [UInt8](repeating: 0, count: Self.headerSize)
        bytes.withUnsafeMutableBytes { head in
            head.put(big16: bufferCount, at: 0)
            head.put(big16: firmware, at: 2)
            head[4] = sectorCount
            head[5] = version << 4 | operation & 15
            head.put(big16: UInt16(text.count), at: 6)
        }
        return bytes + text
    }
}
