import JSONText
public import Platform

/// Writes an overlay's content into the window of the source that it lies over.
///
/// The work runs in a storage daemon in its sandbox: an overlay's tables were written on behalf of
/// a guest, and are not trusted.
///
/// Nothing of the source's content changes before `run`: what keeps a commit from beginning shows
/// in `start`.
public struct OverlayCommit: Sendable {
    /// How far a commit has come, in bytes.
    public struct Progress: Sendable, Equatable {
        /// Copied so far.
        public var done: UInt64
        /// To be copied in all, as far as is known.
        public var total: UInt64
    }

    /// How often progress is told, in milliseconds.
    private static let interval: Int64 = 200
    /// How long the daemon may be without an answer to a question, in milliseconds.
    private static let patience: Int64 = 60_000

    private let daemon: StorageDaemon

    /// Opens the source and the overlay, and returns when both can be read and written.
    ///
    /// `source` must be open for writing and nobody else may use it. To be followed by `run` or
    /// `cancel`. What the daemon says goes to `log`. Blocks for a minute at most.
    public static func start(
        source: OwnedFD, format: ImageFormat, window: DiskWindow, log: Int32
    ) throws(StorageError) -> OverlayCommit {
        guard let overlay = window.overlay, Files.exists(overlay) else {
            throw .plan("there is no overlay to commit")
        }
        let work = try StorageWork(
            StoragePlan(
                source: source, format: format, readOnly: false, logicalSectorSize: 512,
                windows: [window], socketFolder: ""),
            serving: false)
        let daemon = try StorageDaemon.start(work, log: log)
        do throws(StorageError) {
            try daemon.waitUntilReady(milliseconds: patience)
        } catch {
            daemon.kill()
            throw error
        }
        return OverlayCommit(daemon: daemon)
    }

    /// Copies what the overlay holds to the source, and syncs the source.
    ///
    /// Once only. Blocks for as long as the copy takes. Cut short, or on an error, all can be done
    /// again from `start` on: the overlay is not changed.
    public func run(progress: (Progress) -> Void) throws(StorageError) {
        do throws(StorageError) {
            try daemon.withMonitor { monitor throws(StorageError) in
                try Self.copy(&monitor, progress: progress)
            }
            try daemon.stop(milliseconds: Self.patience)
        } catch {
            daemon.kill()
            throw error
        }
    }

    /// Ends it without a copy, and closes the source, which images of some formats need.
    public func cancel() {
        do { try daemon.stop(milliseconds: Self.patience) } catch { daemon.kill() }
    }

    private static func copy(
        _ monitor: inout Monitor, progress: (Progress) -> Void
    ) throws(StorageError) {
        do throws(Monitor.Failure) {
            _ = try monitor.call(
                "block-commit",
                .object([
                    "job-id": .string("commit"), "device": .string("overlay0"),
                    "base-node": .string("window0"),
                ]), deadline: Clock.milliseconds() + patience)
            while true {
                let deadline = Clock.milliseconds() + interval
                guard let event = try monitor.event(deadline: deadline) else {
                    try report(&monitor, to: progress)
                    continue
                }
                switch event["event"]?.stringValue {
                case "BLOCK_JOB_READY":
                    _ = try monitor.call(
                        "block-job-complete", .object(["device": .string("commit")]),
                        deadline: Clock.milliseconds() + patience)
                case "BLOCK_JOB_COMPLETED":
                    if let error = event["data"]?["error"]?.stringValue { throw .refused(error) }
                    return
                default: break
                }
            }
        } catch .refused(let words) {
            throw .commit(words)
        } catch .silent {
            throw .silent(milliseconds: patience)
        } catch {
            throw .commit("the storage daemon ended")
        }
    }

    private static func report(
        _ monitor: inout Monitor, to progress: (Progress) -> Void
    ) throws(Monitor.Failure) {
        let jobs = try monitor.call(
            "query-block-jobs", deadline: Clock.milliseconds() + patience)
        guard let job = jobs.elements.first, let done = job["offset"]?.integerValue,
            let total = job["len"]?.integerValue
        else { return }
        progress(Progress(done: UInt64(max(0, done)), total: UInt64(max(0, total))))
    }
}
