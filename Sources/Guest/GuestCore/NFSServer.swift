import Bytes
import Glibc
import GuestWire
import Platform

/// The kernel's NFS server, steered through /proc/fs/nfsd and the caches in /proc/net/rpc.
///
/// There is no mountd: the agent fills the caches the server would ask it about, once, with an
/// expiry that never comes. Formats: fs/nfsd/export.c (svc_export_parse, expkey_parse),
/// fs/nfsd/nfsctl.c, net/sunrpc/svcauth_unix.c (ip_map_parse).
enum NFSServer {
    /// How many threads serve; each may wait for a device while the others work.
    static let threadCount = 8
    /// Longest read or write, in bytes.
    ///
    /// The kernel would pick it by the size of memory: 64 KiB.
    static let transferLimit = 1 << 20

    /// Name of the only client in the kernel's caches.
    private static let client = "bridge"
    /// The end of 32-bit time, in seconds since the epoch.
    private static let never = 0x7fff_ffff

    /// Flags of an export, include/uapi/linux/nfsd/export.h.
    private enum Flag {
        static let readOnly = 0x0001
        static let insecurePort = 0x0002
        static let asynchronous = 0x0010
        static let noSubtreeCheck = 0x0400
        static let noLockAuthentication = 0x0800
        static let fileSystemID = 0x2000
    }

    /// Sets the server up, once, and starts it.
    ///
    /// Blocks for the kernel's own start.
    static func prepare() throws(SystemError) {
        try PortMapper.start()
        try control("versions", "-2 +3 -4\n")
        try control("max_block_size", "\(transferLimit)\n")
        try start()
        let host = PrivateLink.dotted(PrivateLink.host)
        try cache("auth.unix.ip", "nfsd \(host) \(never) \(client)\n")
    }

    /// Starts serving NFSv3 on TCP.
    static func start() throws(SystemError) {
        try control("portlist", "tcp \(GuestWire.nfsPort)\n")
        try control("threads", "\(threadCount)\n")
    }

    /// Stops serving: ends every connection, every export and every open file of the server.
    static func stop() throws(SystemError) {
        try control("threads", "0\n")
    }

    /// Exports a folder under a file-system id of its own.
    ///
    /// - Parameter relaxed: metadata operations, COMMIT and stable writes answer before they are
    ///   on the device. Without it, each of them is on the device when it is answered.
    static func export(
        _ path: String, id: UInt32, readOnly: Bool, relaxed: Bool
    ) throws(SystemError) {
        var flags =
            Flag.insecurePort | Flag.noSubtreeCheck | Flag.noLockAuthentication | Flag.fileSystemID
        if readOnly { flags |= Flag.readOnly }
        if relaxed { flags |= Flag.asynchronous }
        try cache("nfsd.export", "\(client) \(path) \(never) \(flags) 0 0 \(id)\n")
        try cache("nfsd.fh", "\(client) 1 \(escaped(id)) \(never) \(path)\n")
    }

    /// Ends every export, lets go of every file that the server holds open, and lets `refill`
    /// enter again what stays.
    ///
    /// A call that comes in between waits in the kernel: the caches count as attended while
    /// their channels are open for writing (net/sunrpc/cache.c, cache_listeners_exist).
    ///
    /// The kernel empties a cache once in a second of its clock, and not in the first: asked
    /// again, it does so a second later (cache.c, write_flush). So this waits for that second.
    static func withdraw(
        refill: () throws(SystemError) -> Void
    ) throws(SystemError) {
        let caches = ["/proc/net/rpc/nfsd.export", "/proc/net/rpc/nfsd.fh"]
        var attended: [OwnedFD] = []
        for cache in caches {
            attended.append(try Files.open("\(cache)/channel", .writeOnly))
            let text = try Files.readText("\(cache)/flush", limit: 64)
            let last = Int(text.prefix { $0.isNumber }) ?? 0
            let deadline = Clock.milliseconds() + 3_000
            // time(2) counts as the caches do: by the last tick.
            while time(nil) <= last && Clock.milliseconds() < deadline {
                Clock.sleep(milliseconds: 10)
            }
        }
        for cache in caches { try Files.writeControl("\(cache)/flush", "1\n") }
        try refill()
        withExtendedLifetime(attended) {}
    }

    /// Answers that nothing is exported under this id, so that late calls fail at once.
    static func deny(id: UInt32) throws(SystemError) {
        try cache("nfsd.fh", "\(client) 1 \(escaped(id)) \(never)\n")
    }

    /// The file handle of an exported folder.
    static func rootHandle(of path: String) throws(SystemError) -> [UInt8] {
        let file = try Files.open("/proc/fs/nfsd/filehandle", .readWrite)
        let question = "\(client) \(path) \(GuestWire.Limits.fileHandle)\n"
        try Files.writeAll(Array(question.utf8), to: file.raw)
        let answer = try Descriptors.readSome(file.raw, limit: 512)
        guard let handle = bytes(ofHex: answer) else {
            throw SystemError(errno: EPROTO, call: "root handle of \(path)")
        }
        return handle
    }

    /// Reads what the kernel prints for bytes: `\x` and then hexadecimal digits, then a newline.
    static func bytes(ofHex text: [UInt8]) -> [UInt8]? {
        var digits = text[...]
        while digits.last == 0x0a || digits.last == 0 { digits.removeLast() }
        guard digits.starts(with: Array("\\x".utf8)), digits.count > 2, digits.count % 2 == 0
        else { return nil }
        digits = digits.dropFirst(2)
        var bytes: [UInt8] = []
        while !digits.isEmpty {
            let pair = String(decoding: digits.prefix(2), as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }

    /// A file-system id as the kernel's parser wants binary: `\x` and its bytes in memory order.
    static func escaped(_ id: UInt32) -> String {
        withUnsafeBytes(of: id) { "\\x" + $0.hexadecimal }
    }

    private static func control(_ name: String, _ text: String) throws(SystemError) {
        try Files.writeControl("/proc/fs/nfsd/\(name)", text)
    }

    private static func cache(_ name: String, _ text: String) throws(SystemError) {
        try Files.writeControl("/proc/net/rpc/\(name)/channel", text)
    }
}
