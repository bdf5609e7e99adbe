import Glibc

/// Tells when a file's content or size is changed by anybody on this host: inotify(7).
///
/// Changes through a network file system by other hosts go unseen. Any thread; one of them drains.
public final class FileWatch: Sendable {
    /// Readable when something has changed since the last `drain`: for poll.
    public let descriptor: OwnedFD

    /// Watches the file that a descriptor has open.
    public init(_ file: OwnedFD) throws(SystemError) {
        let descriptor = OwnedFD(
            taking: try libc("inotify_init") {
                inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
            })
        let raw = descriptor.raw
        // The link leads to the file itself, wherever its name is by now.
        try libc("inotify_add_watch") {
            inotify_add_watch(raw, "/proc/self/fd/\(file.raw)", UInt32(IN_MODIFY))
        }
        self.descriptor = descriptor
    }

    /// Takes what has been reported; whether there was anything.
    ///
    /// Does not wait.
    public func drain() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var found = false
        // Equal events are merged, so a few rounds empty the queue.
        for _ in 0..<64 {
            guard read(descriptor.raw, &buffer, buffer.count) > 0 else { break }
            found = true
        }
        return found
    }
}
