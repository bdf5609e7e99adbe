/// Why a server did not start.
public enum NBDServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Names or texts break the protocol's rules; in words.
    case badExport(String)
    /// An address is not numeric, or a port is none.
    case badAddress(String)
    /// This address can be reached from other machines, and nothing proves who connects.
    case needsAuthentication(String)
    /// Keys or certificates cannot be used; in words.
    case badCredentials(String)
    /// Listening failed; where and why.
    case listen(String, String)
    /// The server has been started before.
    case alreadyStarted

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .badExport(let what): "nbd: \(what)"
        case .badAddress(let what): "nbd: \(what) is no numeric address and port"
        case .needsAuthentication(let place):
            "nbd: \(place) can be reached from elsewhere, and clients need not prove who they are"
        case .badCredentials(let what): "nbd: \(what)"
        case .listen(let place, let why): "nbd: cannot listen at \(place): \(why)"
        case .alreadyStarted: "nbd: the server has been started before"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .badExport: "Choose another name or description."
        case .badAddress: "Write an address such as 127.0.0.1 or ::1, and a port up to 65535."
        case .needsAuthentication:
            "Require TLS with client certificates or pre-shared keys, or listen on loopback."
        case .badCredentials: "Check the certificate, the key and the keys file."
        case .listen: "Choose another address, port or path, or end what uses it."
        case .alreadyStarted: "Make a new server."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
