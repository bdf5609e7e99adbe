import Bytes
import Platform

/// Says yes to every call of the port mapper's protocol.
///
/// The kernel registers its lock manager with a port mapper before it serves NFSv3 and gives up
/// without one. Nobody asks this one anything: the only client knows the ports.
/// RFC 5531 (RPC, record marking in section 11), RFC 1833 (rpcbind).
enum PortMapper {
    /// Where the kernel looks for it (net/sunrpc/rpcb_clnt.c).
    static let path = "/var/run/rpcbind.sock"

    /// Longest call accepted, in bytes; a registration has a few hundred.
    private static let callLimit = 4096

    /// Listens, and answers on a thread of its own until the machine ends.
    static func start() throws(SystemError) {
        try Files.makeDirectories("/var/run", mode: 0o755)
        let listener = try UnixSocket.listen(at: path)
        try WorkerThread.start {
            // The kernel keeps one connection; it comes back where it lost one.
            while let connection = try? UnixSocket.accept(listener) {
                try? WorkerThread.start { serve(connection) }
            }
        }
    }

    private static func serve(_ connection: OwnedFD) {
        var pending: [UInt8] = []
        while let bytes = try? Descriptors.readSome(connection.raw, limit: callLimit),
            !bytes.isEmpty
        {
            pending += bytes
            while let call = takeCall(&pending) {
                guard (try? Files.writeAll(answer(to: call), to: connection.raw)) != nil else {
                    return
                }
            }
            guard pending.count <= callLimit else { return }
        }
    }

    /// Takes one whole record off the front, without its mark; nil while it is incomplete.
    static func takeCall(_ pending: inout [UInt8]) -> [UInt8]? {
        var reader = ByteReader(pending)
        guard let mark: UInt32 = try? reader.bigEndian() else { return nil }
        let length = Int(mark & 0x7fff_ffff)
        guard let call = try? reader.raw(length) else { return nil }
        let taken = Array(call)
        pending.removeFirst(4 + length)
        return taken
    }

    /// The record that accepts a call: its transaction id, then success, then the boolean true
    /// (which NULL's caller, who expects nothing, leaves unread).
    static func answer(to call: [UInt8]) -> [UInt8] {
        var reader = ByteReader(call)
        let transaction: UInt32 = (try? reader.bigEndian()) ?? 0
        var writer = ByteWriter()
        let words: [UInt32] = [
            transaction,
            1,  // REPLY
            0,  // MSG_ACCEPTED
            0, 0,  // verifier: AUTH_NONE, empty
            0,  // SUCCESS
            1,  // true
        ]
        writer.writeBigEndian(0x8000_0000 | UInt32(4 * words.count))
        for word in words { writer.writeBigEndian(word) }
        return writer.bytes
    }
}
