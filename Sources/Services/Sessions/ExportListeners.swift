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
    /// for anything.
    init(_ request: ExportRequest) throws(SessionError) {
        for endpoint in request.endpoints {
            let address = endpoint.address
            if let address, !address.isLocal, !request.access.isProtected(endpoint.protocol) {
                throw Self.unprotected(endpoint.protocol, address)
            }
            all.append(try Self.open(endpoint))
        }
    }

    /// Paths of the sockets that lie in the file system.
    var paths: [String] {
        all.compactMap { listener in
            guard case .unix(let path) = listener.address else { return nil }
            return path
        }
    }

    private static func open(_ endpoint: ExportRequest.Endpoint) throws(SessionError) -> Listener {
        guard let address = endpoint.address else { return try openStandard(endpoint.protocol) }
        do {
            switch address {
            case .unix(let path):
                return Listener(
                    socket: try UnixSocket.listen(at: path), protocol: endpoint.protocol,
                    address: address)
            case .tcp(let host, let port):
                return try openTCP(host, port, endpoint.protocol)
            case .link(let interface, let disk): return try LinkListener.open(interface, disk)
            }
        } catch let error as SessionError { throw error } catch {
            let error = error as? SystemError ?? SystemError(errno: 5, call: "\(error)")
            throw SessionError(
                .target, "cannot listen on \(address): \(SystemError.words(error.errno))",
                remedy: "Choose another address with --listen; `ss -lnt` shows who listens.",
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
