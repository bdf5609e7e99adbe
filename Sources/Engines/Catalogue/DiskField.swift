/// Reads bytes of a volume: `(offset, count)`; nil past its end or where it cannot be read.
public typealias VolumeBytes = (_ offset: UInt64, _ count: Int) -> [UInt8]?

/// A whole number somewhere on a volume, written `u32le@1120`: width, byte order, byte offset.
public struct DiskField: Equatable, Sendable {
    /// Bytes from the start of the volume.
    public var offset: UInt64
    /// Width in bytes: 1, 2, 4 or 8.
    public var width: Int
    /// Whether the most significant byte comes first.
    public var bigEndian: Bool

    /// Parses `u8@N`, `u16le@N`, `u32be@N` …; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count == 2, let offset = UInt64(halves[1]) else { return nil }
        self.offset = offset
        switch halves[0] {
        case "u8": (width, bigEndian) = (1, false)
        case "u16le": (width, bigEndian) = (2, false)
        case "u16be": (width, bigEndian) = (2, true)
        case "u32le": (width, bigEndian) = (4, false)
        case "u32be": (width, bigEndian) = (4, true)
        case "u64le": (width, bigEndian) = (8, false)
        case "u64be": (width, bigEndian) = (8, true)
        default: return nil
        }
    }

    /// The value on this volume; nil where it lies outside.
    public func value(_ read: VolumeBytes) -> UInt64? {
        guard let bytes = read(offset, width), bytes.count == width else { return nil }
        let ordered = bigEndian ? bytes : bytes.reversed()
        return ordered.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// A question about a field: `u32le@1120 & 0x4 != 0`.
public struct DiskCondition: Equatable, Sendable {
    /// How the masked value is compared.
    public enum Comparison: String, Sendable {
        /// Equal.
        case equal = "=="
        /// Not equal.
        case notEqual = "!="
        /// Greater.
        case greater = ">"
    }

    /// The field.
    public var field: DiskField
    /// Bits of it that count.
    public var mask: UInt64
    /// How it is compared.
    public var comparison: Comparison
    /// What it is compared with.
    public var operand: UInt64

    /// Parses `FIELD [& MASK] ==|!=|> VALUE`; nil for anything else.
    public init?(_ text: String) {
        var words = text.split(separator: " ")
        guard words.count == 3 || (words.count == 5 && words[1] == "&") else { return nil }
        mask = .max
        if words.count == 5 {
            guard let mask = UInt64(literal: words[2]) else { return nil }
            self.mask = mask
            words.removeSubrange(1...2)
        }
        guard let field = DiskField(words[0]), let comparison = Comparison(rawValue: "\(words[1])"),
            let operand = UInt64(literal: words[2])
        else { return nil }
        self.field = field
        self.comparison = comparison
        self.operand = operand
    }

    /// Whether it holds; false where the field lies outside the volume.
    public func holds(_ read: VolumeBytes) -> Bool {
        guard let value = field.value(read).map({ $0 & mask }) else { return false }
        return switch comparison {
        case .equal: value == operand
        case .notEqual: value != operand
        case .greater: value > operand
        }
    }
}

/// The unit in which a file system counts its size: `4096`, `u32be@4` or `1024 << u32le@1048`.
public enum DiskUnit: Equatable, Sendable {
    /// A constant number of bytes.
    case constant(UInt64)
    /// A field that holds the number of bytes.
    case field(DiskField)
    /// A constant shifted left by a field.
    case shifted(UInt64, DiskField)

    /// Parses one of the three forms; nil for anything else.
    public init?(_ text: String) {
        let words = text.split(separator: " ")
        if words.count == 1, let constant = UInt64(literal: words[0]) {
            self = .constant(constant)
        } else if words.count == 1, let field = DiskField(words[0]) {
            self = .field(field)
        } else if words.count == 3, words[1] == "<<", let base = UInt64(literal: words[0]),
            let field = DiskField(words[2])
        {
            self = .shifted(base, field)
        } else {
            return nil
        }
    }

    /// The unit in bytes; nil where it lies outside the volume or makes no sense.
    public func bytes(_ read: VolumeBytes) -> UInt64? {
        switch self {
        case .constant(let bytes): return bytes
        case .field(let field): return field.value(read)
        case .shifted(let base, let field):
            guard let shift = field.value(read), shift < 32 else { return nil }
            return base << shift
        }
    }
}

extension UInt64 {
    /// Parses a decimal or `0x` hexadecimal number.
    init?(literal text: some StringProtocol) {
        if text.hasPrefix("0x") {
            self.init(text.dropFirst(2), radix: 16)
        } else {
            self.init(text, radix: 10)
        }
    }
}

/// Bytes at a place by which a format is known, written in hexadecimal: `514649fb@0`.
///
/// A negative place counts from the end.
public struct Signature: Equatable, Sendable {
    /// The bytes.
    public var bytes: [UInt8]
    /// Where they lie; negative from the end.
    public var offset: Int64

    /// Parses `HEX@OFFSET`; nil for anything else.
    public init?(_ text: String) {
        let halves = text.split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count == 2, let offset = Int64(halves[1]), !halves[0].isEmpty,
            halves[0].utf8.count.isMultiple(of: 2)
        else { return nil }
        self.offset = offset
        bytes = []
        var digits = halves[0].utf8.makeIterator()
        while let high = digits.next(), let low = digits.next() {
            let pair = String(decoding: [high, low], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
    }

    /// Whether a volume of this size in bytes carries it.
    public func matches(_ read: VolumeBytes, size: UInt64) -> Bool {
        let place: UInt64
        if offset >= 0 {
            place = UInt64(offset)
        } else {
            guard offset.magnitude <= size else { return false }
            place = size - offset.magnitude
        }
        return read(place, bytes.count) == bytes
    }
}
