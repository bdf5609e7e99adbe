import CPlatform
import Glibc

/// Whole messages over a connected stream socket, within a time.
///
/// Nothing is thrown and nothing is allocated: results are 0 or a count or, below zero, a negated
/// errno; ETIMEDOUT where the time ran out. For threads that may block. Times are of
/// `Clock.nanoseconds`. One thread sends and one receives at a time.
public enum StreamIO {
    /// The longest time that one system call may take, so that the deadline is looked at.
    private static let slice: Int64 = 1_000_000_000

    /// Makes a blocking socket give up after a second at most; to be called before the others.
    public static func prepare(_ socket: OwnedFD) throws(SystemError) {
        try socket.setNonblocking(false)
        try checked(cp_socket_timeouts(socket.raw, slice / 1000), "setsockopt SO_RCVTIMEO")
    }

    /// Undoes `prepare` for a socket that is handed over: its calls wait for ever again.
    public static func release(_ socket: OwnedFD) throws(SystemError) {
        try checked(cp_socket_timeouts(socket.raw, 0), "setsockopt SO_RCVTIMEO")
    }

    /// Sends a head and a body.
    public static func send(
        _ raw: Int32, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, deadline: Int64
    ) -> Int {
        var done = 0
        while done < head.count + body.count {
            let sent = cp_socket_send2(
                raw, head.baseAddress, head.count, body.baseAddress, body.count, done)
            if sent > 0 {
                done += sent
                // A peer that takes a little at a time takes too long as well.
                if done < head.count + body.count, Clock.nanoseconds() >= deadline {
                    return -Int(ETIMEDOUT)
                }
            } else if let result = failure(sent, deadline) {
                return result
            }
        }
        return 0
    }

    /// Receives at least `least` bytes and at most the buffer's; returns how many.
    ///
    /// -ECONNRESET where the peer ends before.
    public static func receive(
        _ raw: Int32, atLeast least: Int, into buffer: UnsafeMutableRawBufferPointer,
        deadline: Int64
    ) -> Int {
        var done = 0
        while done < least {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let got = Glibc.recv(raw, rest.baseAddress, rest.count, 0)
            if got > 0 {
                done += got
                if done < least, Clock.nanoseconds() >= deadline { return -Int(ETIMEDOUT) }
            } else if got == 0 {
                return -Int(ECONNRESET)
            } else if let result = failure(-Int(Glibc.errno), deadline) {
                return result
            }
        }
        return done
    }

    /// What to give up with; nil where it is to be tried again.
    private static func failure(_ result: Int, _ deadline: Int64) -> Int? {
        let errno = Int32(truncatingIfNeeded: -result)
        guard errno == EAGAIN || errno == EINTR else { return result == 0 ? -Int(EPIPE) : result }
        return Clock.nanoseconds() < deadline ? nil : -Int(ETIMEDOUT)
    }

    /// Ends a connection for everybody who waits on it; the descriptor stays open.
    public static func end(_ socket: OwnedFD) { _ = Glibc.shutdown(socket.raw, Int32(SHUT_RDWR)) }
}
