import Bytes
import NBDWire
public import Platform

/// Why a device could not be taken from an NBD server.
public enum NBDError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The socket cannot be reached, or the connection failed.
    case connection(SystemError)
    /// The server does not keep to the protocol; in what.
    case protocolBroken(String)
    /// The server refuses the export; its words.
    case refused(String)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .connection(let error): "NBD client: \(error)"
        case .protocolBroken(let what): "NBD client: the server breaks the protocol: \(what)"
        case .refused(let words): "NBD client: the server refuses the export: \(words)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .connection: "Check that the server runs and that its socket is yours."
        case .protocolBroken: "Use another server, or a newer one."
        case .refused: "Check the export's name with `nbdinfo --list`."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }

    /// What a handshake that failed is told as.
    static func ofHandshake(_ error: any Error) -> Self {
        switch error {
        case let error as SystemError: .connection(error)
        case NBDFailure.connection(let error): .connection(error)
        case NBDFailure.request(_, let words): .refused(words)
        default: .protocolBroken("\(error)")
        }
    }
}
