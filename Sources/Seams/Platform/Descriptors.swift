import CPlatform
import Glibc

/// What `Descriptors.poll` reports for one descriptor.
public struct Readiness: OptionSet, Sendable {
    /// Bits of poll(2).
    public let rawValue: Int16
    /// Wraps bits of poll(2).
    public init(rawValue: Int16) { self.rawValue = rawValue }
    /// Something to read, or the end.
    public static let readable = Readiness(rawValue: Int16(POLLIN))
    /// Room to write.
    public static let writable = Readiness(rawValue: Int16(POLLOUT))
    /// The other side is gone.
    public static let hungUp = Readiness(rawValue: Int16(POLLHUP))
    /// An error is pending.
    public static let failed = Readiness(rawValue: Int16(POLLERR))
}

/// Pipes, socket pairs, waiting, and passing descriptors.
///
/// Any thread.
public enum Descriptors {
    /// A pipe: reader and writer.
    public static func pipe() throws(SystemError) -> (OwnedFD, OwnedFD) {
        var pair: [Int32] = [-1, -1]
        try checked(cp_pipe(&pair), "pipe")
        return (OwnedFD(taking: pair[0]), OwnedFD(taking: pair[1]))
    }

    /// Two connected Unix sockets: a byte stream, or packets that keep their bounds.
    public static func socketPair(packets: Bool = false) throws(SystemError) -> (OwnedFD, OwnedFD) {
        var pair: [Int32] = [-1, -1]
        let type = packets ? SOCK_SEQPACKET.rawValue : SOCK_STREAM.rawValue
        try libc("socketpair") {
            socketpair(AF_UNIX, Int32(type | SOCK_CLOEXEC.rawValue), 0, &pair)
        }
        return (OwnedFD(taking: pair[0]), OwnedFD(taking: pair[1]))
    }

    /// poll(2); returns the readiness of each, all empty where time ran out.
    ///
    /// A negative descriptor is passed over. `milliseconds` -1 waits for ever.
    public static func poll(
        _ wanted: [(descriptor: Int32, events: Readiness)], milliseconds: Int32
    ) throws(SystemError) -> [Readiness] {
        var polls = wanted.map { pollfd(fd: $0.descriptor, events: $0.events.rawValue, revents: 0) }
        let result = Glibc.poll(&polls, nfds_t(polls.count), milliseconds)
        guard result >= 0 || Glibc.errno == EINTR else {
            throw SystemError(errno: Glibc.errno, call: "poll")
        }
        return result <= 0
            ? wanted.map { _ in [] } : polls.map { Readiness(rawValue: $0.revents) }
    }

    /// Waits until a descriptor can be read (or has ended); false where time ran out.
    public static func waitReadable(
        _ raw: Int32, milliseconds: Int32
    ) throws(SystemError) -> Bool {
        let deadline = Clock.milliseconds() + Int64(max(0, milliseconds))
        while true {
            let left =
                milliseconds < 0 ? -1 : Int32(max(0, deadline - Clock.milliseconds()))
            let ready = try poll([(raw, .readable)], milliseconds: left)
            if !ready[0].isEmpty { return true }
            if milliseconds >= 0 && Clock.milliseconds() >= deadline { return false }
        }
    }

    /// Reads exactly `count` bytes within a time; throws ETIMEDOUT, or ECONNRESET at an early end.
    public static func readExactly(
        _ raw: Int32, count: Int, deadlineMilliseconds: Int64
    ) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let left = deadlineMilliseconds - Clock.milliseconds()
            guard left > 0, try waitReadable(raw, milliseconds: Int32(min(left, 1 << 30))) else {
                throw SystemError(errno: ETIMEDOUT, call: "read")
            }
            let got = buffer.withUnsafeMutableBytes {
                Glibc.read(raw, $0.baseAddress.map { $0 + filled }, count - filled)
            }
            if got == 0 { throw SystemError(errno: ECONNRESET, call: "read") }
            if got < 0 {
                if Glibc.errno == EINTR || Glibc.errno == EAGAIN { continue }
                throw SystemError(errno: Glibc.errno, call: "read")
            }
            filled += got
        }
        return buffer
    }

    /// Reads what is there, at most `limit` bytes; empty at the end.
    public static func readSome(_ raw: Int32, limit: Int) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let got = try libc("read") { Glibc.read(raw, &buffer, limit) }
        return Array(buffer[..<got])
    }

    /// Sends one message with descriptors over a Unix socket.
    public static func send(
        _ bytes: [UInt8], descriptors: [Int32] = [], over socket: Int32
    ) throws(SystemError) {
        let sent = try checked(
            cp_send_fds(socket, bytes, bytes.count, descriptors, descriptors.count), "sendmsg")
        guard sent == bytes.count else { throw SystemError(errno: EMSGSIZE, call: "sendmsg") }
    }

    /// Has every send over a socket that is not taken within this time fail with EAGAIN, or end
    /// early.
    public static func limitSends(over socket: Int32, milliseconds: Int) throws(SystemError) {
        var time = timeval(
            tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        try libc("setsockopt SO_SNDTIMEO") {
            setsockopt(
                socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Receives one message with its descriptors; no bytes and no descriptors at the end.
    public static func receive(
        over socket: Int32, limit: Int = 1 << 16
    ) throws(SystemError) -> (bytes: [UInt8], descriptors: [OwnedFD]) {
        var buffer = [UInt8](repeating: 0, count: limit)
        var raw = [Int32](repeating: -1, count: 16)
        var count = raw.count
        let got = try checked(
            cp_receive_fds(socket, &buffer, limit, &raw, &count), "recvmsg")
        return (
            Array(buffer[..<got]), raw[..<count].map { OwnedFD(taking: $0) }
        )
    }
}
