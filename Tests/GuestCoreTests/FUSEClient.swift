import Bytes
import FUSEWire
import Glibc
import Platform
import Testing

@testable import GuestCore

/// The kernel's part: sends requests to a pass-through of a temporary folder and reads answers.
///
/// A pair of packet sockets stands in for /dev/fuse.
final class FUSEClient {
    struct Refusal: Error, Equatable {
        var errno: Int32
    }

    /// The folder that is passed through.
    let folder: String
    private let kernel: OwnedFD
    private var unique: UInt64 = 0

    init(driver: String = "ext4", isReadOnly: Bool = false) throws {
        var template = Array("/tmp/causeway-pass-through-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Refusal(errno: errno) }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let (kernel, server) = try Descriptors.socketPair(packets: true)
        self.kernel = kernel
        let base = folder
        try WorkerThread.start {
            PassThroughServer(
                device: server, base: base, traits: PassThroughTraits(driver: driver),
                isReadOnly: isReadOnly
            ).serve()
        }
    }

    deinit {
        _ = try? ChildProcess.run(
            SpawnOptions(path: "/bin/rm", arguments: ["-rf", "--", folder]))
    }

    /// Sends a request; returns what follows the answer's header, or throws its error.
    @discardableResult
    func call(
        _ opcode: FUSEOpcode, _ node: UInt64, _ body: [UInt8] = [], user: UInt32 = 0
    ) throws -> [UInt8] {
        try post(opcode, node, body, user: user)
        try #require(
            try Descriptors.waitReadable(kernel.raw, milliseconds: 60_000), "no answer to \(opcode)"
        )
        let answer = try Descriptors.readSome(kernel.raw, limit: 1 << 20)
        var reader = ByteReader(answer)
        #expect(try reader.integer(as: UInt32.self) == UInt32(answer.count))
        let error: Int32 = try reader.integer()
        #expect(try reader.integer(as: UInt64.self) == unique)
        if error != 0 { throw Refusal(errno: -error) }
        return Array(answer[16...])
    }

    /// Sends a request that has no answer.
    func post(
        _ opcode: FUSEOpcode, _ node: UInt64, _ body: [UInt8] = [], user: UInt32 = 0
    ) throws {
        unique += 1
        var writer = ByteWriter()
        writer.write(UInt32(40 + body.count))
        writer.write(opcode.rawValue)
        writer.write(unique)
        writer.write(node)
        for value in [user, user, 1, 0] { writer.write(value) }
        writer.writeRaw(body)
        try Files.writeAll(writer.bytes, to: kernel.raw)
    }
}

/// What an answer says of a node.
struct RevealedNode: Equatable {
    var node: UInt64
    var generation: UInt64
    var inode: UInt64
    var size: UInt64
    var mode: UInt32
    var linkCount: UInt32

    /// Reads an entry (struct fuse_entry_out).
    init(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        node = try reader.integer()
        generation = try reader.integer()
        try reader.skip(24)
        inode = try reader.integer()
        size = try reader.integer()
        try reader.skip(44)
        mode = try reader.integer()
        linkCount = try reader.integer()
    }
}

extension FUSEClient {
    static func text(_ name: String) -> [UInt8] { Array(name.utf8) + [0] }

    static func integers(_ fields: [any FixedWidthInteger]) -> [UInt8] {
        var writer = ByteWriter()
        for field in fields { writer.write(field) }
        return writer.bytes
    }

    func lookUp(_ name: String, in parent: UInt64 = 1) throws -> RevealedNode {
        try lookUp(Array(name.utf8), in: parent)
    }

    func lookUp(_ name: [UInt8], in parent: UInt64 = 1) throws -> RevealedNode {
        try RevealedNode(try call(.lookup, parent, name + [0]))
    }

    func makeFile(_ name: String, in parent: UInt64 = 1) throws -> RevealedNode {
        let body = Self.integers([UInt32(0o100644), UInt32(0), UInt32(0), UInt32(0)])
        return try RevealedNode(try call(.mknod, parent, body + Self.text(name)))
    }

    func makeFolder(_ name: String, in parent: UInt64 = 1) throws -> RevealedNode {
        let body = Self.integers([UInt32(0o755), UInt32(0)])
        return try RevealedNode(try call(.mkdir, parent, body + Self.text(name)))
    }

    func write(_ bytes: [UInt8], to node: UInt64, at offset: UInt64 = 0) throws -> UInt32 {
        let body = Self.integers([
            UInt64(0), offset, UInt32(bytes.count), UInt32(0), UInt64(0), UInt32(0), UInt32(0),
        ])
        var reader = ByteReader(try call(.write, node, body + bytes))
        return try reader.integer()
    }

    func read(_ node: UInt64, at offset: UInt64 = 0, count: UInt32 = 4096) throws -> [UInt8] {
        try call(
            .read, node,
            Self.integers([
                UInt64(0), offset, count, UInt32(0), UInt64(0), UInt32(0), UInt32(0),
            ]))
    }

    func rename(
        _ name: String, to newName: String, in parent: UInt64 = 1, newParent: UInt64 = 1
    ) throws {
        try call(
            .rename, parent, Self.integers([newParent]) + Self.text(name) + Self.text(newName))
    }

    /// The names of a folder and where a listing goes on behind each.
    func list(
        _ node: UInt64, from offset: UInt64 = 0, limit: UInt32 = 4096, plus: Bool = false
    ) throws -> [(name: [UInt8], cookie: UInt64, inode: UInt64, node: UInt64)] {
        let bytes = try call(
            plus ? .readdirplus : .readdir, node,
            Self.integers([
                UInt64(0), offset, limit, UInt32(0), UInt64(0), UInt32(0), UInt32(0),
            ]))
        var reader = ByteReader(bytes)
        var all: [(name: [UInt8], cookie: UInt64, inode: UInt64, node: UInt64)] = []
        while reader.remaining > 0 {
            var node: UInt64 = 0
            if plus {
                node = try reader.integer()
                try reader.skip(FUSEEntry.size - 8)
            }
            let inode: UInt64 = try reader.integer()
            let cookie: UInt64 = try reader.integer()
            let count = Int(try reader.integer(as: UInt32.self))
            try reader.skip(4)
            let name = Array(try reader.raw(count))
            try reader.skip((8 - (24 + count) % 8) % 8)
            all.append((name, cookie, inode, node))
        }
        return all
    }
}
