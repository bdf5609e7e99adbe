import Bytes
import Glibc
import GuestLink
import GuestWire
import Platform

/// The bridge process: the host's end of the private link, and either the folder's file server or
/// the relay into the guest.
public enum BridgeProcess {
    /// The private link, as this end makes it.
    enum Link {
        static let interface = "cw0"
        static let mtu: Int32 = 65_000
        static let hostHardware: [UInt8] = [0x02, 0xc0, 0x5e, 0, 0, 1]
        static let guestHardware: [UInt8] = [0x02, 0xc0, 0x5e, 0, 0, 2]
    }

    /// Runs until the session is gone; the program's main calls it before any thread exists.
    ///
    /// - Parameters:
    ///   - control: the packet socket to the session; taken over.
    ///   - log: where lines for the log go.
    /// - Returns: the process's exit code.
    public static func run(control: Int32, log: Int32) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        let control = ControlSocket(OwnedFD(taking: control), log: log)
        do {
            let listener = try makeLink(control)
            guard let files = try acceptGuest(listener, control) else { return 0 }
            switch try waitToServe(control) {
            case nil: return 0
            case .serve(let exports, let options, let fuse)?:
                let loop = try BridgeLoop(control, options: options, fuse: fuse) {
                    (pool) throws(BridgeError) in try connect(pool, files, options)
                }
                return loop.run(exports)
            case .forward(let ports, let listeners)?:
                // The relay's threads start here, long after the namespaces were entered.
                return try ForwardLoop(control, files: files).run(ports, listeners)
            }
        } catch {
            control.log("\(error)")
            control.send(.failed(error))
            return 1
        }
    }

    private static func makeLink(_ control: ControlSocket) throws(BridgeError) -> OwnedFD {
        do {
            try PrivateNetwork.enter()
            try PrivateNetwork.bringUp("lo")
            let tap = try PrivateNetwork.makeTap(named: Link.interface)
            try PrivateNetwork.setHardwareAddress(Link.interface, Link.hostHardware)
            try PrivateNetwork.bringUp(
                Link.interface, address: PrivateLink.host, prefix: PrivateLink.prefix,
                mtu: Link.mtu)
            try PrivateNetwork.addNeighbour(
                Link.interface, address: PrivateLink.guest, hardware: Link.guestHardware)
            let listener = try StreamSocket.listen(
                address: PrivateLink.host, port: GuestWire.controlPort)
            withExtendedLifetime(tap) { control.send(.link, descriptors: [tap.raw]) }
            return listener
        } catch {
            throw BridgeError(
                .link, errno: error.errno, "\(error)",
                remedy: "user namespaces and /dev/net/tun must be usable: see "
                    + "/proc/sys/user/max_user_namespaces, "
                    + "/proc/sys/kernel/unprivileged_userns_clone and, where AppArmor is "
                    + "active, /proc/sys/kernel/apparmor_restrict_unprivileged_userns")
        }
    }

    /// Waits for the guest's two connections, passes *control* on and returns *files*; nil where
    /// the session has gone meanwhile.
    private static func acceptGuest(
        _ listener: OwnedFD, _ control: ControlSocket
    ) throws(BridgeError) -> OwnedFD? {
        var files: OwnedFD?
        var isPassed = false
        var silent: [OwnedFD] = []
        do {
            while files == nil || !isPassed {
                var set = PollSet()
                // Once the guest is passed on, the order to serve may be there before the guest's
                // second connection: it stays for `waitToServe`. A session that has gone hangs up.
                let controlPlace = set.add(control.raw, isPassed ? [] : .readable)
                let listenerPlace = set.add(listener.raw, .readable)
                let places = silent.map { set.add($0.raw, .readable) }
                _ = try set.wait(milliseconds: -1)
                if !set[controlPlace].isEmpty { return nil }
                if !set[listenerPlace].isEmpty, silent.count < 8 {
                    silent.append(try StreamSocket.accept(listener))
                }
                let waiting = silent.count
                for socket in silent {
                    guard let role = try role(of: socket) else { continue }
                    silent.removeAll { $0 === socket }
                    switch role {
                    case .control:
                        withExtendedLifetime(socket) {
                            control.send(.guest, descriptors: [socket.raw])
                        }
                        isPassed = true
                    case .files: files = socket
                    }
                }
                // Half a greeting stays readable: it is not looked at again at once.
                if silent.count == waiting, places.contains(where: { !set[$0].isEmpty }) {
                    Clock.sleep(milliseconds: 1)
                }
            }
            return files
        } catch let error as SystemError {
            throw BridgeError(.guest, errno: error.errno, "\(error)")
        } catch let error as BytesError {
            throw BridgeError(.guest, "the guest's greeting is malformed (\(error))")
        } catch {
            throw BridgeError(.guest, "\(error)")
        }
    }

    /// What a connection is for, without taking its greeting; nil while that is not all there.
    private static func role(of socket: OwnedFD) throws -> ConnectionRole? {
        guard let head = try StreamSocket.peek(socket.raw, count: 4) else { return nil }
        guard !head.isEmpty else {
            throw SystemError(errno: ECONNRESET, call: "greeting of the guest")
        }
        guard head.count == 4 else { return nil }
        let length = try Frame.length(of: head)
        guard length <= 1024 else { throw BytesError.tooLong(length: length, limit: 1024) }
        guard let whole = try StreamSocket.peek(socket.raw, count: 4 + length),
            whole.count == 4 + length
        else { return nil }
        return try Greeting(try Frame(body: whole.dropFirst(4))).role
    }

    /// What a bridge can do once the guest is there.
    private enum Order {
        case serve([BridgeExport], BridgeOptions, fuse: OwnedFD)
        case forward(ports: [UInt16], listeners: [OwnedFD])
    }

    /// Waits for the order to serve; nil where the session has gone.
    private static func waitToServe(_ control: ControlSocket) throws(BridgeError) -> Order? {
        while let (message, descriptors) = try control.receive() {
            switch message {
            case .serve(let exports, let options):
                guard let fuse = descriptors.first else {
                    throw BridgeError(.serve, "no FUSE descriptor came with the order to serve")
                }
                return .serve(exports, options, fuse: fuse)
            case .forward(let ports):
                guard descriptors.count == ports.count else {
                    throw BridgeError(.forward, "not as many sockets as ports came with the order")
                }
                return .forward(ports: ports, listeners: descriptors)
            case .tellStatistics: control.send(.statistics(BridgeStatistics()))
            case .drain: control.send(.drained(BridgeStatistics()))
            case .guestGone(let reason): throw BridgeError(.guest, reason)
            default: throw BridgeError(.control, "an order that only a bridge can give")
            }
        }
        return nil
    }

    /// Connects to the guest's file server and reads the greeting of the *files* connection.
    private static func connect(
        _ pool: BufferPool, _ files: OwnedFD, _ options: BridgeOptions
    ) throws(BridgeError) -> (NFSConnection, AgentClient?) {
        do {
            _ = try GuestConnection(files, milliseconds: 5_000)
            let server = try StreamSocket.connect(
                address: PrivateLink.guest, port: GuestWire.nfsPort, milliseconds: 5_000)
            for socket in [server, files] {
                try StreamSocket.setPlainCongestionControl(socket.raw)
                try StreamSocket.setLifeline(
                    socket.raw, milliseconds: options.requestTimeoutMilliseconds)
            }
            return (NFSConnection(server, pool: pool), AgentClient(files))
        } catch let error as SystemError {
            throw BridgeError(
                .serve, errno: error.errno, "the guest's file server does not answer (\(error))")
        } catch {
            throw BridgeError(.serve, "\(error)")
        }
    }
}
