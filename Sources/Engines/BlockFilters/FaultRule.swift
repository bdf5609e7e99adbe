public import BlockDevice

/// Kinds of calls, for rules about them.
public struct BlockCalls: OptionSet, Sendable {
    /// One bit each.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `read` and `readNow`.
    public static let read = BlockCalls(rawValue: 1 << 0)
    /// `write`.
    public static let write = BlockCalls(rawValue: 1 << 1)
    /// `flush`.
    public static let flush = BlockCalls(rawValue: 1 << 2)
    /// `trim`.
    public static let trim = BlockCalls(rawValue: 1 << 3)
    /// `writeZeroes`.
    public static let writeZeroes = BlockCalls(rawValue: 1 << 4)
    /// `extents`.
    public static let extents = BlockCalls(rawValue: 1 << 5)
    /// Everything that changes content.
    public static let changes: BlockCalls = [.write, .trim, .writeZeroes]
    /// All of them.
    public static let all: BlockCalls = [.read, .changes, .flush, .extents]
}

/// Which calls go wrong, and how.
public struct FaultRule: Sendable {
    /// Which of the calls that the rule is about.
    public enum Occasion: Sendable, Equatable {
        /// Each of them.
        case every
        /// One: the first is 1.
        case only(UInt64)
        /// This one and all after it.
        case from(UInt64)
        /// This many in a million, by the device's seeded generator.
        case perMillion(UInt64)
    }

    /// What goes wrong.
    public enum Effect: Sendable, Equatable {
        /// The call fails with this error, having done nothing.
        case fail(BlockError)
        /// The call takes this much longer.
        case delay(milliseconds: Int64)
        /// The call hangs until `release`, at most this long, and then is `gone`.
        case hang(milliseconds: Int64)
        /// A write stores this many bytes and then fails with this error; other calls just fail.
        case tear(bytes: Int, BlockError)
    }

    /// The kinds of calls.
    public var calls: BlockCalls
    /// Only calls that touch this range; nil for all, calls without a range included.
    public var range: BlockRange?
    /// Which of them.
    public var occasion: Occasion
    /// How.
    public var effect: Effect

    /// Makes a rule.
    public init(
        _ calls: BlockCalls, in range: BlockRange? = nil, _ occasion: Occasion = .every,
        _ effect: Effect
    ) {
        self.calls = calls
        self.range = range
        self.occasion = occasion
        self.effect = effect
    }

    /// Whether the rule is about a call.
    func concerns(_ call: BlockCalls, _ touched: BlockRange?) -> Bool {
        guard calls.isSuperset(of: call) else { return false }
        guard let range else { return true }
        guard let touched, touched.length > 0, range.length > 0 else { return false }
        // Neither end may overflow: ranges come from callers.
        let first = max(range.offset, touched.offset)
        return first - range.offset < range.length && first - touched.offset < touched.length
    }

    /// Whether it comes true for the count-th call that it is about.
    func applies(
        _ count: UInt64, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        switch occasion {
        case .every: true
        case .only(let number): count == number
        case .from(let number): count >= number
        case .perMillion(let chance): UInt64.random(in: 0..<1_000_000, using: &generator) < chance
        }
    }
}
