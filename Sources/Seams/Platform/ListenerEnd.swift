import CPlatform
import Glibc

extension StreamSocket {
    /// Ends listening for good, whoever else holds the socket: who tries to connect later is
    /// refused, and who waits to be accepted is hung up on.
    ///
    /// The socket must not block. A TCP socket lets go of its port as well.
    public static func stopListening(_ listener: OwnedFD) {
        _ = Glibc.shutdown(listener.raw, Int32(SHUT_RDWR))
        // The kernel has ended those of a TCP listener; a Unix one still has them in its queue.
        while true {
            let waiting = Glibc.accept(listener.raw, nil, nil)
            guard waiting >= 0 else { return }
            Glibc.close(waiting)
        }
    }
}

/// How many files this process may have open.
public enum OpenFiles {
    /// Raises the limit to `wanted`, as far as the hard limit allows; returns what it is then.
    ///
    /// Never lowers it. Any thread.
    public static func raiseLimit(to wanted: Int) throws(SystemError) -> Int {
        try checked(cp_raise_open_files(UInt(max(0, wanted))), "raise the limit of open files")
    }
}
