public import Glibc

/// Reading and writing for event loops: nothing blocks, nothing is thrown, nothing is allocated.
///
/// Every function returns a count or, below zero, a negated errno. Any thread.
public enum RawIO {
    /// read(2).
    @inline(__always)
    public static func read(_ raw: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let got = Glibc.read(raw, buffer.baseAddress, buffer.count)
        return got < 0 ? -Int(Glibc.errno) : got
    }

    /// writev(2).
    @inline(__always)
    public static func write(_ raw: Int32, _ parts: UnsafePointer<iovec>, count: Int) -> Int {
        let wrote = Glibc.writev(raw, parts, Int32(count))
        return wrote < 0 ? -Int(Glibc.errno) : wrote
    }

    /// recv(2), without waiting even where the socket would.
    @inline(__always)
    public static func receive(_ raw: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let got = Glibc.recv(raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        return got < 0 ? -Int(Glibc.errno) : got
    }

    /// sendmsg(2), without waiting even where the socket would; a closed peer is EPIPE.
    @inline(__always)
    public static func send(
        _ raw: Int32, _ parts: UnsafeMutablePointer<iovec>, count: Int
    ) -> Int {
        var message = msghdr()
        message.msg_iov = parts
        message.msg_iovlen = count
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        let sent = Glibc.sendmsg(raw, &message, flags)
        return sent < 0 ? -Int(Glibc.errno) : sent
    }
}

/// A fixed set of descriptors to wait for, again and again.
///
/// One thread.
public struct PollSet {
    private var polls: [pollfd] = []

    /// Makes an empty set.
    public init() {}

    /// Adds a descriptor and returns its place; a negative one is passed over.
    public mutating func add(_ raw: Int32, _ events: Readiness) -> Int {
        polls.append(pollfd(fd: raw, events: events.rawValue, revents: 0))
        return polls.count - 1
    }

    /// Changes what is waited for at a place.
    public mutating func set(_ place: Int, _ raw: Int32, _ events: Readiness) {
        polls[place].fd = raw
        polls[place].events = events.rawValue
    }

    /// What the last wait found at a place.
    public subscript(place: Int) -> Readiness { Readiness(rawValue: polls[place].revents) }

    /// Waits until something is ready or time runs out (-1: for ever); returns how many are ready.
    public mutating func wait(milliseconds: Int32) throws(SystemError) -> Int {
        let ready = Glibc.poll(&polls, nfds_t(polls.count), milliseconds)
        if ready >= 0 { return Int(ready) }
        guard Glibc.errno == EINTR else { throw SystemError(errno: Glibc.errno, call: "poll") }
        for place in polls.indices { polls[place].revents = 0 }
        return 0
    }
}
