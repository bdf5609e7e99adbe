import Bytes
import Glibc
public import Platform

/// The session's hold on a bridge process.
///
/// One thread at a time; every call is bounded in time.
public final class BridgeHandle {
    /// The process; its pidfd tells its end.
    public let process: ChildProcess
    private let control: OwnedFD

    /// Takes hold of a process that has the other end of a packet socket.
    init(process: ChildProcess, control: OwnedFD) {
        self.process = process
        self.control = control
    }

    /// Readable when the bridge has said something that the next call takes.
    public var controlDescriptor: Int32 { control.raw }

    /// Starts `executable _bridge`; the bridge's own words go to `log`.
    public static func start(
        executable: String, log: Int32
    ) throws(BridgeError) -> BridgeHandle {
        do {
            let (ours, theirs) = try Descriptors.socketPair(packets: true)
            var options = SpawnOptions(path: executable, arguments: ["_bridge"])
            options.descriptors = [-1, -1, log, theirs.raw]
            options.newSession = true
            let process = try withExtendedLifetime(theirs) { () throws(SystemError) in
                try ChildProcess(options)
            }
            return BridgeHandle(process: process, control: ours)
        } catch {
            throw BridgeError(.start, errno: error.errno, "\(error)")
        }
    }

    /// Waits for the private link; returns the end that the machine gets: a TAP descriptor.
    public func waitForLink(milliseconds: Int64) throws(BridgeError) -> OwnedFD {
        try wait(.link, for: .link, milliseconds)
    }

    /// Waits until the guest has dialled; returns its control connection, greeting unread.
    public func waitForGuest(milliseconds: Int64) throws(BridgeError) -> OwnedFD {
        try wait(.guest, for: .guest, milliseconds)
    }

    /// Has the bridge serve exports on a mounted folder; returns when the folder is usable.
    ///
    /// Let go of `fuse` afterwards: while the session holds it, a dead bridge leaves callers
    /// waiting instead of failing.
    public func serve(
        fuse: OwnedFD, exports: [BridgeExport], options: BridgeOptions, milliseconds: Int64
    ) throws(BridgeError) {
        precondition(!exports.isEmpty && exports.count <= BridgeMessage.exportLimit)
        try send(.serve(exports, options), descriptors: [fuse.raw])
        _ = try wait(for: .serve, milliseconds) { $0 == .serving ? () : nil }
    }

    /// Has the bridge carry connections from listening sockets of the host to ports of the guest;
    /// returns when it accepts.
    ///
    /// Instead of `serve`. The sockets stop to block. They stop to listen, whoever holds them, when
    /// the guest is gone and when the bridge has been drained; let go of them here, so that a
    /// bridge that dies leaves nobody waiting to be accepted. A destination that does not answer
    /// closes the client that came for it, and nothing else.
    public func forward(
        listeners: [OwnedFD], ports: [UInt16], milliseconds: Int64
    ) throws(BridgeError) {
        precondition(!ports.isEmpty && ports.count <= BridgeMessage.listenerLimit)
        precondition(listeners.count == ports.count && !ports.contains(0))
        try withExtendedLifetime(listeners) { () throws(BridgeError) in
            try send(.forward(ports: ports), descriptors: listeners.map(\.raw))
        }
        _ = try wait(for: .forward, milliseconds) { $0 == .serving ? () : nil }
    }

    /// Tells the bridge that the guest is gone: every waiting and later call fails at once.
    public func guestIsGone(reason: String) {
        do { try send(.guestGone(reason: reason)) } catch {
            // The bridge is gone as well, and with it the folder.
        }
    }

    /// Has everything written to the guest's disks; the bridge ends if the folder is unmounted.
    ///
    /// A bridge that carries connections ends them, after what it holds of them was sent, and ends
    /// itself.
    ///
    /// Call it when the folder is unmounted, before the guest unmounts. An error says that data
    /// may be lost.
    public func drain(milliseconds: Int64) throws(BridgeError) -> BridgeStatistics {
        // One that has seen the folder go has drained itself, said what came of it, and ended.
        do { try send(.drain) } catch {}
        return try wait(for: .drain, milliseconds) {
            if case .drained(let statistics) = $0 { return statistics }
            return nil
        }
    }

    /// What the bridge has done so far.
    public func statistics(milliseconds: Int64) throws(BridgeError) -> BridgeStatistics {
        try send(.tellStatistics)
        return try wait(for: .control, milliseconds) {
            if case .statistics(let statistics) = $0 { return statistics }
            return nil
        }
    }
}

extension BridgeHandle {
    private func send(_ message: BridgeMessage, descriptors: [Int32] = []) throws(BridgeError) {
        do {
            try Descriptors.send(message.encoded, descriptors: descriptors, over: control.raw)
        } catch {
            throw BridgeError(.control, errno: error.errno, "the bridge is gone (\(error))")
        }
    }

    /// Waits for a message that brings a descriptor.
    private func wait(
        _ wanted: BridgeMessage, for step: BridgeError.Step, _ milliseconds: Int64
    ) throws(BridgeError) -> OwnedFD {
        let deadline = Clock.milliseconds() + milliseconds
        while true {
            let (message, descriptors) = try receive(for: step, until: deadline)
            if message == wanted, let descriptor = descriptors.first { return descriptor }
            try judge(message, step)
        }
    }

    private func wait<Value>(
        for step: BridgeError.Step, _ milliseconds: Int64, _ pick: (BridgeMessage) -> Value?
    ) throws(BridgeError) -> Value {
        let deadline = Clock.milliseconds() + milliseconds
        while true {
            let (message, _) = try receive(for: step, until: deadline)
            if let value = pick(message) { return value }
            try judge(message, step)
        }
    }

    /// Passes over what the bridge says unasked; anything else that was not waited for is an error.
    private func judge(_ message: BridgeMessage, _ step: BridgeError.Step) throws(BridgeError) {
        switch message {
        case .failed(let error): throw error
        case .unmounted, .guestLost: return
        default: throw BridgeError(step, "the bridge answered something else than was asked")
        }
    }

    private func receivePacket() throws(SystemError) -> ([UInt8], [OwnedFD]) {
        do { return try Descriptors.receive(over: control.raw, limit: BridgeMessage.limit) } catch {
            // Linux says once that the other side ended without reading all (unix_release_sock in
            // net/unix/af_unix.c); what it had said itself still comes.
            guard error.errno == ECONNRESET else { throw error }
            return try Descriptors.receive(over: control.raw, limit: BridgeMessage.limit)
        }
    }

    private func receive(
        for step: BridgeError.Step, until deadline: Int64
    ) throws(BridgeError) -> (BridgeMessage, [OwnedFD]) {
        let left = max(0, deadline - Clock.milliseconds())
        guard let received = try receive(for: step, left) else {
            throw BridgeError(step, "no answer from the bridge in time")
        }
        return received
    }

    private func receive(
        for step: BridgeError.Step, _ milliseconds: Int64
    ) throws(BridgeError) -> (BridgeMessage, [OwnedFD])? {
        do {
            let wait = Int32(clamping: max(0, milliseconds))
            guard try Descriptors.waitReadable(control.raw, milliseconds: wait) else { return nil }
            let (bytes, descriptors) = try receivePacket()
            guard !bytes.isEmpty else {
                throw BridgeError(step, "the bridge process has ended; its log says why")
            }
            return (try BridgeMessage(bytes), descriptors)
        } catch let error as BridgeError {
            throw error
        } catch let error as SystemError {
            throw BridgeError(step, errno: error.errno, "\(error)")
        } catch {
            throw BridgeError(step, "the bridge sent a malformed message (\(error))")
        }
    }
}
