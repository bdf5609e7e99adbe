import CPlatform
import Glibc

/// A file descriptor, closed when the last reference goes.
///
/// Close-on-exec always.
///
/// There is no way to close it early or to take the number out, so a number that is still
/// referenced can never come to mean another file.
public final class OwnedFD: Sendable {
    /// The number; borrow it while the object is held, never close it.
    public let raw: Int32

    /// Takes ownership of an open descriptor.
    public init(taking raw: Int32) {
        precondition(raw >= 0, "a descriptor is never negative")
        self.raw = raw
    }

    deinit { Glibc.close(raw) }

    /// A second descriptor of the same open file.
    public func duplicate() throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_duplicate(raw), "dup"))
    }

    /// Sets or clears O_NONBLOCK.
    public func setNonblocking(_ on: Bool) throws(SystemError) {
        try checked(cp_set_nonblocking(raw, on ? 1 : 0), "fcntl O_NONBLOCK")
    }
}
