public import Platform

/// Notices when somebody else changes an image file while it is being served.
///
/// QEMU reads zeros past the end of a file that became shorter, which a guest would take for data.
/// So whoever serves an image polls this watch, and ends the mount at the first sign. Block
/// devices need no watch: they answer with errors. Any thread; one at a time.
public final class SourceWatch: Sendable {
    /// What somebody did to the source.
    public enum Change: Error, Equatable, Sendable, CustomStringConvertible {
        /// It is shorter than it was.
        case shrunk(from: UInt64, to: UInt64)
        /// A source that nobody may write to was written to.
        case modified
        /// It cannot even be examined.
        case unreadable(SystemError)

        /// What happened, in words.
        public var description: String {
            switch self {
            case .shrunk(let from, let to):
                "another program cut the image from \(from) to \(to) bytes"
            case .modified: "another program wrote to the image"
            case .unreadable(let error): "the image cannot be examined: \(error)"
            }
        }
    }

    /// Readable when `check` has something to look at: for poll.
    public var descriptor: OwnedFD { watch.descriptor }

    private let source: OwnedFD
    private let watch: FileWatch
    private let size: UInt64
    private let mayChange: Bool

    /// Watches a plan's source; nil for a block device.
    init?(_ plan: StoragePlan) throws(SystemError) {
        let status = try Files.status(plan.source)
        guard status.kind == .file else { return nil }
        source = plan.source
        size = status.size
        mayChange = !plan.readOnly
        watch = try FileWatch(plan.source)
    }

    /// What somebody did; nil where nothing is wrong.
    ///
    /// Does not wait.
    public func check() -> Change? {
        guard watch.drain() else { return nil }
        do {
            let now = try Files.status(source).size
            if now < size { return .shrunk(from: size, to: now) }
            // The daemon's own writes are reported too, where it may write.
            return mayChange ? nil : .modified
        } catch { return .unreadable(error) }
    }
}
