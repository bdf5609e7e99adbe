import CFUSE
import Glibc
import NFSWire
import Platform
import Testing

@testable import Bridge

/// A file server between a kernel and a guest that a test plays.
final class Bench {
    /// What the kernel got as an answer.
    struct Answer {
        var errno: Int32
        var bytes: [UInt8]

        func value<Value: BitwiseCopyable>(_ type: Value.Type = Value.self) throws -> Value {
            try #require(bytes.count >= MemoryLayout<Value>.size)
            return bytes.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
        }
    }

    let guest: FakeServer
    let agent: FakeAgent
    let server: FileServer
    private let kernel: OwnedFD
    private var nextUnique: UInt64 = 2
    private var answers: [UInt64: Answer] = [:]
    private(set) var notices = 0

    /// The handle of the root as the guest gives it: of the strict export.
    static let strictRoot: [UInt8] = [1, 0, 1, 0, 2, 0, 0, 0]
    /// A file's handle in the relaxed export.
    static func handle(_ number: UInt8) -> [UInt8] { [1, 0, 1, 0x81, 3, 0, 0, 0, number] }

    init(
        options: BridgeOptions = BridgeOptions(user: 1000, group: 1000, readOnly: false),
        prepare: (FakeServer) -> Void = { _ in }
    ) throws {
        let pool = BufferPool()
        let (nfsGuest, nfsHost) = try Descriptors.socketPair()
        let (agentGuest, agentHost) = try Descriptors.socketPair()
        let (fuseKernel, fuseHost) = try Descriptors.socketPair(packets: true)
        try fuseKernel.setNonblocking(true)
        guest = FakeServer(nfsGuest)
        agent = FakeAgent(agentGuest)
        kernel = fuseKernel
        server = FileServer(
            options: options, pool: pool, nfs: NFSConnection(nfsHost, pool: pool),
            agent: AgentClient(agentHost), log: { _ in })
        server.device = try FuseDevice(fuseHost, pool: pool)
        prepare(guest)
        var problem: String? = "start has not ended"
        let export = BridgeExport(
            id: 1, name: "", rootHandle: Self.strictRoot, readOnly: options.readOnly)
        server.start([export]) { problem = $0 }
        try turn { problem != "start has not ended" }
        try #require(problem == nil)
        try settle()
        guest.forgetCalls()
    }

    /// Lets everybody work until something holds; fails after a bounded number of rounds.
    func turn(until isDone: () -> Bool) throws {
        for _ in 0..<500 {
            if isDone() { return }
            server.takeRequests()
            server.flush()
            guest.serve()
            try agent.serve()
            if server.nfs.raw >= 0 { server.nfs.receive() }
            server.agent?.receive()
            server.tick()
            collect()
        }
        Issue.record("nothing moves any more")
    }

    /// Lets everybody work for a while.
    func settle() throws {
        var rounds = 0
        try turn {
            rounds += 1
            return rounds > 20
        }
    }

    /// Sends a request of the kernel without waiting for the answer.
    func send(_ opcode: fuse_opcode, node: UInt64 = 1, _ body: [UInt8]) throws -> UInt64 {
        nextUnique += 2
        var header = fuse_in_header()
        header.len = UInt32(MemoryLayout<fuse_in_header>.size + body.count)
        header.opcode = opcode.rawValue
        header.unique = nextUnique
        header.nodeid = node
        header.uid = 1000
        header.gid = 1000
        try Files.writeAll(Self.bytes(header) + body, to: kernel.raw)
        return nextUnique
    }

    /// Sends a request of the kernel and gives its answer.
    func ask(_ opcode: fuse_opcode, node: UInt64 = 1, _ body: [UInt8] = []) throws -> Answer {
        let unique = try send(opcode, node: node, body)
        return try wait(unique)
    }

    /// Waits for the answer to a request.
    func wait(_ unique: UInt64) throws -> Answer {
        try turn { answers[unique] != nil }
        let answer = answers.removeValue(forKey: unique)
        return try #require(answer)
    }

    /// Whether a request was answered.
    func isAnswered(_ unique: UInt64) -> Bool { answers[unique] != nil }

    private func collect() {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let got = buffer.withUnsafeMutableBytes { RawIO.read(kernel.raw, into: $0) }
            guard got >= 16 else { return }
            let header = buffer.withUnsafeBytes { $0.loadUnaligned(as: fuse_out_header.self) }
            if header.unique == 0 {
                notices += 1
            } else {
                answers[header.unique] = Answer(
                    errno: -header.error, bytes: Array(buffer[16..<got]))
            }
        }
    }

    /// The memory of a structure.
    static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }

    /// A name as the kernel sends it.
    static func name(_ name: String) -> [UInt8] { Array(name.utf8) + [0] }

    /// Looks a file up under a handle; gives the kernel's number for it.
    func lookUp(
        _ name: String, handle number: UInt8, _ attributes: [UInt8] = FakeServer.attributes()
    ) throws -> UInt64 {
        guest.handlers[3] = { _ in FakeServer.found(Self.handle(number), attributes) }
        let entry = try ask(FUSE_LOOKUP, Self.name(name)).value(fuse_entry_out.self)
        return entry.nodeid
    }

    /// Opens a file; gives its handle.
    func open(_ node: UInt64, _ flags: Int32 = O_RDWR) throws -> UInt64 {
        let input = fuse_open_in(flags: UInt32(flags), open_flags: 0)
        return try ask(FUSE_OPEN, node: node, Self.bytes(input)).value(fuse_open_out.self).fh
    }

    /// Writes to an open file.
    func write(_ node: UInt64, _ handle: UInt64, _ data: [UInt8], flags: Int32 = 0) throws -> Answer
    {
        var input = fuse_write_in()
        input.fh = handle
        input.size = UInt32(data.count)
        input.flags = UInt32(flags)
        return try ask(FUSE_WRITE, node: node, Self.bytes(input) + data)
    }

    /// Syncs an open file; gives the errno.
    func sync(_ node: UInt64, _ handle: UInt64) throws -> Int32 {
        let input = fuse_fsync_in(fh: handle, fsync_flags: 0, padding: 0)
        return try ask(FUSE_FSYNC, node: node, Self.bytes(input)).errno
    }
}
