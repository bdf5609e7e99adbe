import BlockDevice
import FileSystemLab
import NBDWire
import NIOCore
import NIOPosix
import Platform

@testable import NBDServer

/// A running server of a test, on a Unix socket and where wanted on TCP; stopped at the end.
final class Served: Sendable {
    let server: NBDServer
    let folder: Scratch
    let path: String
    let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool

    init(
        _ exports: [NBDExport], security: NBDSecurity = .off, limits: NBDServerLimits? = nil,
        listeners: [NBDListener] = [], tells: Bool = true,
        allow: @escaping @Sendable (NBDPeer) -> Bool = { _ in true }
    ) throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        pool = NIOThreadPool(numberOfThreads: 4)
        pool.start()
        folder = try Scratch("nbd")
        path = folder.path + "/s"
        var configuration = NBDServerConfiguration(
            exports: exports, security: security, allow: allow)
        if let limits { configuration.limits = limits }
        configuration.tellsExports = tells
        server = try NBDServer(configuration: configuration, group: group, pool: pool)
        try server.start(on: [.unix(path: path)] + listeners)
    }

    convenience init(
        _ disk: any BlockDevice, isReadOnly: Bool = false, security: NBDSecurity = .off,
        limits: NBDServerLimits? = nil, listeners: [NBDListener] = []
    ) throws {
        let export = NBDExport(
            name: "disk", device: disk, isReadOnly: isReadOnly, description: "a disk")
        try self.init([export], security: security, limits: limits, listeners: listeners)
    }

    deinit {
        server.stop(graceMilliseconds: 0)
        try? group.syncShutdownGracefully()
        try? pool.syncShutdownGracefully()
    }

    var uri: String { "nbd+unix:///disk?socket=\(path)" }

    /// Runs an nbdsh script against the export; returns what it printed.
    func shell(_ script: String, uri: String? = nil, context: Bool = false) throws -> String {
        let base = context ? ["--base-allocation"] : []
        let words = base + ["-u", uri ?? self.uri, "-c", script]
        return try Command.require("nbdsh", words).stdout
    }

    /// Waits until this many connections are there; false where it takes a minute.
    func waitForConnections(_ count: Int) throws -> Bool {
        try wait { server.status.connections == count }
    }

    /// Waits until something is so; false where it takes a minute.
    func wait(until isSo: () -> Bool) throws -> Bool {
        let (reader, writer) = try Descriptors.pipe()
        defer { _ = writer.raw }
        let deadline = Clock.milliseconds() + 60_000
        while !isSo() {
            if Clock.milliseconds() > deadline { return false }
            _ = try Descriptors.waitReadable(reader.raw, milliseconds: 5)
        }
        return true
    }
}

/// A client that sends bytes, lawful or not.
final class RawClient {
    let socket: OwnedFD
    /// Keeps the server running.
    private let served: Served

    /// Connects and takes the greeting.
    init(_ served: Served) throws {
        self.served = served
        socket = try UnixSocket.connect(to: served.path)
        _ = try read(NBDGreeting.size)
    }

    func send(_ bytes: [UInt8]) throws { try Files.writeAll(bytes, to: socket.raw) }

    /// Reads exactly this many bytes; throws where the server closes or is silent for a minute.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard try Descriptors.waitReadable(socket.raw, milliseconds: 60_000) else {
                throw LabError("no answer after \(bytes.count) of \(count) bytes")
            }
            let got = try Descriptors.readSome(socket.raw, limit: count - bytes.count)
            guard !got.isEmpty else { throw LabError("closed after \(bytes.count) bytes") }
            bytes += got
        }
        return bytes
    }

    /// Whether the server closes the connection within a minute.
    func isClosed() throws -> Bool {
        let deadline = Clock.milliseconds() + 60_000
        while Clock.milliseconds() < deadline {
            guard try Descriptors.waitReadable(socket.raw, milliseconds: 100) else { continue }
            // A reset is an end too.
            guard let got = try? Descriptors.readSome(socket.raw, limit: 65_536) else {
                return true
            }
            if got.isEmpty { return true }
        }
        return false
    }

    /// Goes to the transmission phase with simple replies.
    func start() throws {
        try send(NBDClientFlags.all.encoded)
        try send(NBDOptionHeader.encode(.exportName))
        _ = try read(NBDExportInfo.answerSize(noZeroes: true))
    }

    func send(_ request: NBDRequest, payload: [UInt8] = []) throws {
        var header = [UInt8](repeating: 0, count: 28)
        header.withUnsafeMutableBytes { request.encode(.simple, into: $0) }
        try send(header + payload)
    }

    /// Reads a simple reply's header.
    func reply() throws -> NBDSimpleReply {
        let bytes = try read(NBDSimpleReply.size)
        return try bytes.withUnsafeBytes { bytes in
            guard case .simple(let reply) = try NBDReplyHeader(decoding: bytes, style: .simple)
            else { throw LabError("no simple reply") }
            return reply
        }
    }
}
