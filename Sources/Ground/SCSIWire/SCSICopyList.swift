/// Parameter list of EXTENDED COPY(LID1) (SPC-4, 6.3 and 6.4): disks, named by identification
/// descriptors, and what is copied from one to the other.
public struct SCSICopyList: Equatable, Sendable {
    /// Most descriptors of disks.
    public static let targetLimit = 16
    /// Most descriptors of segments.
    public static let segmentLimit = 16
    /// Most bytes of all descriptors.
    public static let descriptorLimit = 1088
    /// Most bytes of the list that are taken at all: longer ones are refused unread.
    public static let limit = 1 << 14
    /// Most bytes that one segment copies.
    public static let segmentBytes: UInt32 = 256 << 20
    /// Codes of the descriptors that are understood: block to block, the same with byte offsets,
    /// and identification.
    public static let descriptorCodes: [UInt8] = [0x02, 0x0A, 0xE4]

    /// A disk, as its own identification page names it.
    public struct Target: Equatable, Sendable {
        /// Code set, as in the designator.
        public var codeSet: UInt8
        /// Designator type.
        public var type: UInt8
        /// The name.
        public var content: [UInt8]
        /// Bytes of a block, as the initiator believes.
        public var blockSize: UInt32
    }

    /// Blocks or bytes to copy.
    public struct Segment: Equatable, Sendable {
        /// Place of the source among the disks.
        public var source: Int
        /// Place of the destination.
        public var destination: Int
        /// Blocks of the source or, where `countsDestination`, of the destination; nil for bytes.
        public var blocks: UInt64?
        /// Bytes, where blocks are not counted.
        public var bytes: UInt64
        /// DC: blocks are those of the destination.
        public var countsDestination: Bool
        /// First block of the source.
        public var sourceAddress: UInt64
        /// First block of the destination.
        public var destinationAddress: UInt64
        /// Bytes of the source's first block to pass over.
        public var sourceOffset: UInt64
        /// Bytes of the destination's first block to pass over.
        public var destinationOffset: UInt64
    }

    /// What the initiator calls this copy.
    public var identifier: UInt8
    /// Whether the result is to be kept: LIST ID USAGE other than 11b.
    public var keepsResult: Bool
    /// Disks.
    public var targets: [Target] = []
    /// What is copied, in order.
    public var segments: [Segment] = []

    /// Reads a whole list.
    public init(_ bytes: UnsafeRawBufferPointer) throws(SCSISense) {
        guard bytes.count >= 16 else { throw .illegal(.parameterListLength) }
        identifier = bytes[0]
        keepsResult = bytes[1] >> 3 & 0x03 != 3
        let targetLength = Int(bytes.word(at: 2))
        let segmentLength = Int(bytes.long(at: 8))
        let inlineLength = Int(bytes.long(at: 12))
        guard inlineLength == 0 else { throw .parameter(12, .inlineDataLengthExceeded) }
        guard targetLength + segmentLength <= SCSICopyList.descriptorLimit,
            16 + targetLength + segmentLength <= bytes.count, targetLength % 32 == 0
        else { throw .illegal(.parameterListLength) }
        guard targetLength / 32 <= SCSICopyList.targetLimit else {
            throw .parameter(2, .tooManyTargetDescriptors)
        }
        for place in stride(from: 16, to: 16 + targetLength, by: 32) {
            targets.append(try SCSICopyList.target(bytes, at: place))
        }
        var place = 16 + targetLength
        let end = place + segmentLength
        while place < end {
            guard segments.count < SCSICopyList.segmentLimit else {
                throw .parameter(8, .tooManySegmentDescriptors)
            }
            let (segment, length) = try SCSICopyList.segment(bytes, at: place, end: end)
            segments.append(segment)
            place += length
        }
    }

    private static func target(
        _ bytes: UnsafeRawBufferPointer, at place: Int
    ) throws(SCSISense) -> Target {
        guard bytes[place] == 0xE4 else { throw .parameter(place, .unsupportedTargetDescriptor) }
        // The identification descriptor's unit type: a disk.
        guard bytes[place + 1] & 0x1F == 0 else { throw .parameter(place + 1, bit: 4) }
        guard bytes[place + 5] & 0x30 == 0 else { throw .parameter(place + 5, bit: 5) }
        let length = Int(bytes[place + 7])
        guard length <= 20 else { throw .parameter(place + 7) }
        return Target(
            codeSet: bytes[place + 4] & 0x0F, type: bytes[place + 5] & 0x0F,
            content: Array(bytes[place + 8..<place + 8 + length]),
            blockSize: bytes.long(at: place + 28) & 0xFF_FFFF)
    }

    private static func segment(
        _ bytes: UnsafeRawBufferPointer, at place: Int, end: Int
    ) throws(SCSISense) -> (Segment, Int) {
        guard place + 8 <= end else { throw .illegal(.parameterListLength) }
        let code = bytes[place]
        let expected: Int
        switch code {
        case 0x02: expected = 28
        case 0x0A: expected = 32
        default: throw .parameter(place, .unsupportedSegmentDescriptor)
        }
        guard Int(bytes.word(at: place + 2)) == expected - 4 else { throw .parameter(place + 2) }
        guard place + expected <= end else { throw .illegal(.parameterListLength) }
        let isBytes = code == 0x0A
        return (
            Segment(
                source: Int(bytes.word(at: place + 4)),
                destination: Int(bytes.word(at: place + 6)),
                blocks: isBytes ? nil : UInt64(bytes.word(at: place + 10)),
                bytes: isBytes ? UInt64(bytes.long(at: place + 8)) : 0,
                countsDestination: !isBytes && bytes[place + 1] & 0x02 != 0,
                sourceAddress: bytes.quad(at: place + 12),
                destinationAddress: bytes.quad(at: place + 20),
                sourceOffset: isBytes ? UInt64(bytes.word(at: place + 28)) : 0,
                destinationOffset: isBytes ? UInt64(bytes.word(at: place + 30)) : 0), expected
        )
    }
}

extension SCSIVitalPage {
    /// Third-party copy, 8Fh (SPC-4, 7.8.17): which commands and descriptors are understood.
    public static var thirdPartyCopy: [UInt8] {
        var content: [UInt8] = []
        let commands: [UInt8] = [0x83, 1, 0x00, 0x84, 2, 0x00, 0x03]
        // Supported commands, 0001h.
        content += descriptor(0x0001, [UInt8(commands.count)] + commands)
        // Parameter data, 0004h.
        var parameters = [UInt8](repeating: 0, count: 28)
        parameters.put(UInt16(SCSICopyList.targetLimit), at: 4)
        parameters.put(UInt16(SCSICopyList.segmentLimit), at: 6)
        parameters.put(UInt32(SCSICopyList.descriptorLimit), at: 8)
        content += descriptor(0x0004, parameters)
        // Supported descriptors, 0008h.
        let codes = SCSICopyList.descriptorCodes
        content += descriptor(0x0008, [UInt8(codes.count)] + codes)
        // General copy operations, 8001h.
        var general = [UInt8](repeating: 0, count: 32)
        general.put(UInt32(1), at: 0)
        general.put(UInt32(1), at: 4)
        general.put(SCSICopyList.segmentBytes, at: 8)
        return page(0x8F, content + descriptor(0x8001, general))
    }

    private static func descriptor(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: type)
        let padding = (4 - content.count % 4) % 4
        bytes.append(big: UInt16(content.count + padding))
        return bytes + content + [UInt8](repeating: 0, count: padding)
    }
}
