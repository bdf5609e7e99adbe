import Platform

/// Lets overlapping work on ranges happen one after the other: for devices that read, change and
/// write back.
///
/// The ranges are of bytes or of larger units, as the owner likes. Any thread; nobody holds two
/// ranges. Waiting is bounded.
public final class BlockRangeLock: Sendable {
    /// How long somebody waits for others before it is an error, in milliseconds.
    public static let patience: Int64 = 120_000

    private let held = Condition<[Range<UInt64>]>([])

    /// Nothing is held yet.
    public init() {}

    /// Does the work while nobody else works on an overlapping range.
    ///
    /// Throws `medium` (timed out) where others hold it for two minutes: the store below hangs.
    public func hold<Result>(
        _ range: Range<UInt64>, _ body: () throws(BlockError) -> Result
    ) throws(BlockError) -> Result {
        let entered: Bool? = held.wait(milliseconds: Self.patience) { held in
            if held.contains(where: { $0.overlaps(range) }) { return nil }
            held.append(range)
            return true
        }
        guard entered == true else {
            throw .medium(
                BlockRange(offset: range.lowerBound, length: UInt64(range.count)),
                BlockIO.timedOut("wait for another request"))
        }
        defer {
            held.change { held in
                guard let place = held.firstIndex(of: range) else { return }
                held.swapAt(place, held.count - 1)
                held.removeLast()
            }
        }
        return try body()
    }
}
