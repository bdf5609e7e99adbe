import Glibc
import GuestWire
import NFSWire
import Platform

/// The one loop of a serving bridge: kernel, file server, agent and session.
///
/// One thread.
final class BridgeLoop {
    private let control: ControlSocket
    private let server: FileServer
    private let pool = BufferPool()
    private var watch: GuestWatch
    private var pingAnswered: Int64 = 0
    private var alertness = Alertness(processors: Host.processors)
    private var isServing = false
    private var isOver = false
    private var toldUnmounted = false
    private var toldLost = false
    private var toldServing = false
    private var exitCode: Int32 = 0

    init(
        _ control: ControlSocket, options: BridgeOptions, fuse: OwnedFD,
        connect: (BufferPool) throws(BridgeError) -> (NFSConnection, AgentClient?)
    ) throws(BridgeError) {
        self.control = control
        let (nfs, agent) = try connect(pool)
        server = FileServer(
            options: options, pool: pool, nfs: nfs, agent: agent, log: { control.log($0) })
        watch = GuestWatch(timeout: Int64(options.requestTimeoutMilliseconds))
        do { server.device = try FuseDevice(fuse, pool: pool) } catch {
            throw BridgeError(.serve, errno: error.errno, "\(error)")
        }
    }

    /// Serves until the session is gone; returns the exit code.
    func run(_ exports: [BridgeExport]) -> Int32 {
        server.start(exports) { [unowned self] problem in
            guard let problem else {
                isServing = true
                return
            }
            control.send(.failed(BridgeError(.serve, problem)))
            isOver = true
        }
        var set = PollSet()
        let places = (0..<4).map { _ in set.add(-1, []) }
        while !isOver {
            server.flush()
            let takes = isServing && server.takesRequests
            set.set(places[0], takes ? server.device?.raw ?? -1 : -1, .readable)
            set.set(places[1], server.nfs.raw, server.nfs.wanted)
            set.set(places[2], server.agent?.raw ?? -1, server.agent?.wanted ?? [])
            set.set(places[3], control.raw, .readable)
            do { try wait(for: &set) } catch {
                control.log("\(error)")
                return 1
            }
            if !set[places[1]].isEmpty { server.nfs.receive() }
            if !set[places[2]].isEmpty { server.agent?.receive() }
            if !set[places[0]].isEmpty { server.takeRequests() }
            if !set[places[3]].isEmpty { obey() }
            server.tick()
            watchGuest()
            report()
        }
        return exitCode
    }

    /// Waits until something is to be done; awake at first where that was worth it before.
    ///
    /// Not where several calls are under way: there is always something to do then, and processors
    /// are for those who do it.
    private func wait(for set: inout PollSet) throws(SystemError) {
        guard server.isOneAtATime else {
            alertness.noteSeveral()
            _ = try set.wait(milliseconds: patience())
            return
        }
        let start = Clock.nanoseconds()
        var ready = 0
        while ready == 0 && Clock.nanoseconds() - start < alertness.window {
            ready = try set.wait(milliseconds: 0)
        }
        if ready == 0 { _ = try set.wait(milliseconds: patience()) }
        alertness.note(waited: Clock.nanoseconds() - start)
    }

    /// How long nothing needs to be done, in milliseconds; a second at most while calls wait.
    private func patience() -> Int32 {
        let idle: Int64 = server.nfs.outstanding > 0 ? 500 : 5_000
        let next = server.timers.next.map { max(0, $0 - Clock.milliseconds()) } ?? idle
        return Int32(min(idle, next))
    }

    /// Does what the session says; ends where it is gone.
    private func obey() {
        let received: (BridgeMessage, [OwnedFD])?
        do { received = try control.receive() } catch {
            control.log("\(error)")
            isOver = true
            return
        }
        switch received?.0 {
        case .guestGone(let reason)?: server.loseGuest(reason)
        case .tellStatistics?: control.send(.statistics(server.currentStatistics))
        case .drain?: drain()
        case nil: isOver = true
        default: control.send(.failed(BridgeError(.control, "the bridge serves already")))
        }
    }

    private func drain() {
        server.drain { [unowned self] errno in
            tellDrained(errno)
            if server.device?.isMounted == false { isOver = true }
        }
    }

    private func tellDrained(_ errno: Int32) {
        if errno == 0 {
            control.send(.drained(server.currentStatistics))
        } else {
            control.send(.failed(drainError(errno)))
        }
    }

    private func drainError(_ errno: Int32) -> BridgeError {
        let lost = server.currentStatistics.lostFiles
        let cause =
            server.guestFailure.map { "the guest is gone: \($0)" }
            ?? "not everything could be written to the guest's disks (\(SystemError.words(errno)))"
        return BridgeError(
            .drain, errno: errno, lost > 0 ? "\(cause); data of \(lost) files is lost" : cause)
    }

    /// The folder is unmounted: writes everything, says what came of it, and ends.
    ///
    /// The session reads that whenever it asks, also when this process is gone.
    private func end() {
        server.drain { [unowned self] errno in
            tellDrained(errno)
            if errno != 0 {
                control.log(drainError(errno).description)
                exitCode = 1
            }
            isOver = true
        }
    }

    /// Asks the guest whether it lives when calls wait for long, and gives it up.
    private func watchGuest() {
        guard server.guestFailure == nil else { return }
        let oldest = [server.nfs.oldestCall(), server.agent?.oldestRequest()]
            .compactMap { $0 }.min()
        let now = Clock.milliseconds()
        switch watch.judge(now: now, oldest: oldest, lastAnswer: pingAnswered) {
        case .fine: break
        case .gone(let reason): server.loseGuest(reason)
        case .ask:
            server.nfs.submit(.null) { [unowned self] record, _ in
                if record != nil { pingAnswered = Clock.milliseconds() }
            }
            server.agent?.ask(.ping) { [unowned self] reply in
                if reply != nil { pingAnswered = Clock.milliseconds() }
            }
        }
    }

    /// Tells the session what it must know unasked, once.
    private func report() {
        if isServing, server.isInitialized, !toldServing {
            toldServing = true
            control.send(.serving)
        }
        if let device = server.device, !device.isMounted, !toldUnmounted {
            toldUnmounted = true
            control.send(.unmounted)
            end()
        }
        if let reason = server.guestFailure, !toldLost {
            toldLost = true
            control.send(.guestLost(reason: reason))
        }
    }
}
