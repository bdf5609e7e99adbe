import Platform
import Targets

/// The listening sockets of an export, made by the session: the process that serves them has no
/// network of its own.
struct ExportListeners {
    /// One of them.
    struct Listener {
        var socket: OwnedFD
        var `protocol`: ExportProtocol
        var address: ListenAddress
        /// The interface, where it listens on one.
        var interface: NetworkInterface?
    }

    /// In the order of the endpoints.
    private(set) var all: [Listener] = []

    /// Opens every endpoint, or none.
    ///
    /// Refuses one that others than this host can reach where the access says that nobody is asked
    /// for anything, and a place on a link that one of the URLs `taken` has already. With `sockets`
    /// a name that a dead session has left is taken over.
    init(
        _ request: ExportRequest, taken: [String] = [], sockets: ExportSockets? = nil
    ) throws(SessionError) {
        for endpoint in request.endpoints {
            let isProtected = request.access.isProtected(endpoint.protocol)
            if let address = endpoint.address, !address.isLink, !address.isLocal, !isProtected {
                throw Self.unprotected(endpoint.protocol, address)
            }
        }
        do throws(SessionError) {
            for endpoint in request.endpoints {
                let listener = try Self.open(endpoint, taken, sockets)
                all.append(listener)
                // Only the interface tells who can reach it.
                let isProtected = request.access.isProtected(endpoint.protocol)
                if let interface = listener.interface, !interface.isLoopback, !isProtected {
                    throw Self.unprotected(endpoint.protocol, listener.address)
                }
            }
        } catch {
            for path in paths { try? Files.remove(path) }
            throw error
        }
    }

    /// Paths of the sockets that lie in the file system.
    var paths: [String] {
        all.compactMap { listener in
            guard case .unix(let path) = listener.address else { return nil }
            return path
        }
    }

    private static func open(
        _ endpoint: ExportRequest.Endpoint, _ taken: [String], _ sockets: ExportSockets?
    ) throws(SessionError) -> Listener {
        switch endpoint.address {
        case nil: return try openStandard(endpoint.protocol)
        case .link(let interface, let disk)?:
            return try LinkListener.open(interface, disk, taken: taken)
        case .tcp(let host, let port)?:
            let address = ListenAddress.tcp(host: host, port: port)
            return try listening(on: address) { () throws(SystemError) in
                try openTCP(host, port, endpoint.protocol)
            }
        case .unix(let path)?:
            let address = ListenAddress.unix(path: path)
            return try listening(on: address) { () throws(SystemError) in
                let socket: OwnedFD
                if let sockets {
                    socket = try sockets.listen(at: path)
                } else {
                    socket = try UnixSocket.listen(at: path)
                }
                return Listener(socket: socket, protocol: endpoint.protocol, address: address)
            }
        }
    }

    private static func listening(
        on address: ListenAddress, _ body: () throws(SystemError) -> Listener
    ) throws(SessionError) -> Listener {
        do { return try body() } catch {
            var look = "`ss -lnt` shows who listens"
            if case .unix = address { look = "`ss -lnx` shows who listens" }
            throw SessionError(
                .target, "cannot listen on \(address): \(SystemError.words(error.errno))",
                remedy: "Choose another address with --listen; \(look).",
                exit: error.errno == inUse ? .busy : .failure)
        }
    }

    /// EADDRINUSE.
    private static let inUse: Int32 = 98

    /// The protocol's own port on this host, or any free one where that is taken.
    private static func openStandard(
        _ wanted: ExportProtocol
    ) throws(SessionError) -> Listener {
        for port in [wanted.standardPort ?? 0, 0] {
            if let listener = try? openTCP("127.0.0.1", port, wanted) { return listener }
        }
        throw SessionError(
            .target, "cannot listen on 127.0.0.1", remedy: "Choose an address with --listen.")
    }

    private static func openTCP(
        _ host: String, _ port: UInt16, _ wanted: ExportProtocol
    ) throws(SystemError) -> Listener {
        let socket = try TCPListener.listen(host: host, port: port)
        let port = try TCPListener.port(of: socket)
        return Listener(
            socket: socket, protocol: wanted, address: .tcp(host: host, port: port))
    }

    private static func unprotected(
        _ wanted: ExportProtocol, _ address: ListenAddress
    ) -> SessionError {
        let remedy =
            switch wanted {
            case .iscsi: "Give --user and --password-file (CHAP), or listen on 127.0.0.1."
            case .nbd: "Give --tls-psk or --tls-client-ca, or listen on 127.0.0.1 or unix:PATH."
            case .aoe:
                "Give --mac for each host that may use the disk. Hardware addresses are no "
                    + "passwords: use a network that only trusted hosts are on."
            }
        return SessionError(
            .target,
            "\(address) can be reached from outside, and \(wanted.rawValue) would ask nobody for a "
                + "password", remedy: remedy)
    }
}
