import BlockDevice
import Synchronization

/// Counts who is using something, so that it can be taken away from everybody at once.
///
/// Any thread. Costs two atomic additions a use.
final class UseGate: Sendable {
    private static let closed = Int.min / 2
    private let users = Atomic(0)

    /// Does the work unless the gate is closed; then throws `gone` with the reason.
    @inline(__always)
    func use<Result>(
        orSay reason: @autoclosure () -> String, _ body: () throws(BlockError) -> Result
    ) throws(BlockError) -> Result {
        let now = users.add(1, ordering: .acquiring).newValue
        defer { users.subtract(1, ordering: .releasing) }
        guard now > 0 else { throw .gone(reason()) }
        return try body()
    }

    /// Closes the gate where nobody is inside; whether it did.
    func close() -> Bool {
        users.compareExchange(
            expected: 0, desired: Self.closed, ordering: .acquiringAndReleasing
        ).exchanged
    }

    /// Opens it again.
    func open() { users.subtract(Self.closed, ordering: .releasing) }
}
