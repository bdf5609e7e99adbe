import SCSITarget
import Synchronization

/// Keeps what it is told, on any thread.
final class Recorder: Sendable {
    private let aborts = Mutex<[SCSIAbort]>([])

    func add(_ abort: SCSIAbort) { aborts.withLock { $0.append(abort) } }

    var all: [SCSIAbort] { aborts.withLock { $0 } }
}
