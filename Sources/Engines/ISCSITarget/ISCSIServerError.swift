/// Why a server does not start.
public enum ISCSIServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The configuration is wrong; in words.
    case configuration(String)
    /// Clients of other hosts could come in without a password.
    case unprotected(address: String, target: String)
    /// Clients of other hosts could learn without a password what there is.
    case unprotectedDiscovery(address: String)
    /// An address cannot be listened on.
    case listen(address: String, reason: String)
    /// The server runs already, or has been stopped.
    case notStartable

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .configuration(let what): "iscsi: \(what)"
        case .unprotected(let address, let target):
            "iscsi: \(address) can be reached from other hosts, and \(target) asks for no password"
        case .unprotectedDiscovery(let address):
            "iscsi: \(address) can be reached from other hosts, and discovery asks for no password"
        case .listen(let address, let reason): "iscsi: cannot listen on \(address): \(reason)"
        case .notStartable: "iscsi: a server starts once"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .configuration: "Correct it and start again."
        case .unprotected, .unprotectedDiscovery:
            "Give CHAP credentials, or listen on a loopback address."
        case .listen: "Choose another address or port, or end what uses it."
        case .notStartable: "Make a new server."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
