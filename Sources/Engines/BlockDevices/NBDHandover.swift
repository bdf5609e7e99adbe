import NBDWire
public import Platform

/// Connections to an NBD server whose handshake is over, for somebody else to go on with: the
/// kernel's NBD client.
///
/// Only simple replies are agreed on, since Linux knows no others.
public struct NBDHandover: Sendable {
    /// The connections; more than one where the server says that a flush on one covers them all.
    public let sockets: [OwnedFD]
    /// Size of the export in bytes.
    public let size: UInt64
    /// The server's transmission flags.
    public let flags: UInt16
    /// The smallest block that the server takes, in bytes.
    public let minimumBlock: UInt32

    /// Connects to a server's Unix socket and asks for an export.
    ///
    /// - Parameters:
    ///   - connections: the most connections, at least 1.
    ///   - milliseconds: how long all of it may take.
    public init(
        path: String, export name: String, connections: Int, milliseconds: Int64
    ) throws(NBDError) {
        let deadline = Clock.nanoseconds() + milliseconds * 1_000_000
        do {
            let first = try NBDConnection(path: path)
            let export = try first.negotiate(export: name, deadline: deadline, onlySimple: true)
            var all = [first]
            let count = export.info.flags.contains(.canMultiConn) ? connections : 1
            while all.count < count {
                let next = try NBDConnection(path: path)
                let other = try next.negotiate(export: name, deadline: deadline, onlySimple: true)
                guard other == export else { throw NBDFailure.broken("another export") }
                all.append(next)
            }
            for connection in all { try StreamIO.release(connection.socket) }
            sockets = all.map(\.socket)
            size = export.info.size
            flags = export.info.flags.rawValue
            minimumBlock = export.sizes.minimum
        } catch { throw .ofHandshake(error) }
    }
}
