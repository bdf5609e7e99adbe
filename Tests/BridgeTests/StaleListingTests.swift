import CFUSE
import Glibc
import NFSWire
import Testing

@testable import Bridge

/// A listing is fetched at one time and told at another: what changes between is not told as it
/// was.
@Suite struct StaleListingTests {
    /// A folder of which the kernel was told only the first of four files.
    private func half() throws -> (bench: Bench, told: [Told], folder: UInt64, file: UInt64) {
        let bench = try Bench()
        let file = try bench.lookUp("d", handle: 4)
        bench.guest.handlers[17] = { _ in
            FakeServer.listedPlus(
                [("a", 1), ("b", 2), ("c", 3), ("d", 4)].map { name, number in
                    // b has two names; the others have one.
                    (name, number, FakeServer.attributes(links: number == 2 ? 2 : 1, size: 11))
                })
        }
        let folder = try bench.ask(FUSE_OPENDIR, Bench.bytes(fuse_open_in()))
            .value(fuse_open_out.self).fh
        let told = try Self.read(bench, folder, from: 0, room: 200)
        return (bench, told, folder, file)
    }

    private static func read(
        _ bench: Bench, _ folder: UInt64, from cookie: UInt64, room: UInt32 = 4096
    ) throws -> [Told] {
        var input = fuse_read_in()
        input.fh = folder
        input.offset = cookie
        input.size = room
        return try Told.all(in: bench.ask(FUSE_READDIRPLUS, Bench.bytes(input)).bytes)
    }

    @Test func `what did not change is told whole, from one call`() throws {
        let (bench, told, folder, _) = try half()
        #expect(told.map(\.name) == ["a"] && told[0].node != 0 && told[0].size == 11)
        let rest = try Self.read(bench, folder, from: 1)
        #expect(rest.map(\.name) == ["b", "c", "d"])
        #expect(rest.allSatisfy { $0.node != 0 && $0.size == 11 })
        #expect(bench.guest.procedures.filter { $0 == 17 }.count == 1)
    }

    @Test func `a file that was written since is told by its name alone`() throws {
        let (bench, _, folder, file) = try half()
        bench.guest.handlers[7] = { _ in FakeServer.written(4, verifier: 1) }
        let handle = try bench.open(file)
        #expect(try bench.write(file, handle, [1, 2, 3, 4]).errno == 0)
        let rest = try Self.read(bench, folder, from: 1)
        #expect(rest.map(\.name) == ["b", "c", "d"])
        #expect(rest.map { $0.node != 0 } == [true, true, false])
        #expect(rest[2].kind == UInt32(DT_REG))
    }

    @Test func `so is one whose write is answered after the listing was asked for`() throws {
        let bench = try Bench()
        let file = try bench.lookUp("d", handle: 4)
        let handle = try bench.open(file)
        bench.guest.handlers[7] = { _ in nil }
        var input = fuse_write_in()
        input.fh = handle
        input.size = 4
        _ = try bench.send(FUSE_WRITE, node: file, Bench.bytes(input) + [1, 2, 3, 4])
        try bench.settle()
        let log = bench.server.changes
        let folder = try bench.ask(FUSE_OPENDIR, Bench.bytes(fuse_open_in()))
            .value(fuse_open_out.self).fh
        let asked = bench.server.changes.moment
        #expect(asked == log.moment, "no folder was open before")
        bench.server.endChange(of: file)
        let node = try #require(bench.server.nodes[file])
        #expect(bench.server.changes.hasChanged(node.handle, since: asked))
        _ = folder
    }

    @Test func `a folder whose names changed since is told by its names alone`() throws {
        for change in ["remove", "create", "rename", "link"] {
            let (bench, _, folder, file) = try half()
            try Self.apply(change, bench, file)
            let rest = try Self.read(bench, folder, from: 1)
            #expect(rest.map(\.name) == ["b", "c", "d"])
            #expect(rest.allSatisfy { $0.node == 0 }, "\(change)")
            // From the start again it is fetched anew, and told whole.
            let again = try Self.read(bench, folder, from: 0)
            #expect(again.count == 4 && again.allSatisfy { $0.node != 0 }, "\(change)")
        }
    }

    private static func apply(_ change: String, _ bench: Bench, _ file: UInt64) throws {
        for procedure: UInt32 in [12, 14] { bench.guest.handlers[procedure] = { _ in nothing } }
        bench.guest.handlers[8] = { _ in
            FakeServer.created(Bench.handle(9), FakeServer.attributes())
        }
        bench.guest.handlers[15] = { _ in
            FakeServer.words([0, 1]) + FakeServer.attributes() + FakeServer.words([0, 0])
        }
        let answer: Bench.Answer
        switch change {
        case "remove": answer = try bench.ask(FUSE_UNLINK, Bench.name("d"))
        case "create":
            let input = fuse_create_in(
                flags: UInt32(O_CREAT | O_RDWR), mode: UInt32(S_IFREG) | 0o600, umask: 0,
                open_flags: 0)
            answer = try bench.ask(FUSE_CREATE, Bench.bytes(input) + Bench.name("n"))
        case "rename":
            let names = Bench.name("d") + Bench.name("e")
            answer = try bench.ask(FUSE_RENAME, Bench.bytes(fuse_rename_in(newdir: 1)) + names)
        default:
            let input = fuse_link_in(oldnodeid: file)
            answer = try bench.ask(FUSE_LINK, Bench.bytes(input) + Bench.name("l"))
        }
        try #require(answer.errno == 0, "\(change)")
    }

    private static var nothing: [UInt8] { FakeServer.words([0, 0, 0, 0, 0]) }

    @Test func `a name removed elsewhere leaves in doubt what has several names`() throws {
        let (bench, _, folder, _) = try half()
        let other = try bench.lookUp("other", handle: 8, FakeServer.attributes(type: 2))
        bench.guest.handlers[12] = { _ in FakeServer.words([0, 0, 0]) }
        #expect(try bench.ask(FUSE_UNLINK, node: other, Bench.name("x")).errno == 0)
        let rest = try Self.read(bench, folder, from: 1)
        #expect(rest.map { $0.node != 0 } == [false, true, true])
    }
}

@Suite struct ChangeLogTests {
    private func handle(_ number: Int) throws -> FileHandle {
        try #require(FileHandle([UInt8(number & 0xff), UInt8(number >> 8 & 0xff), 7]))
    }

    @Test func `tells what changed since a moment, and what did not`() throws {
        var log = ChangeLog()
        log.note(try handle(1))
        let asked = log.moment
        #expect(!log.hasChanged(try handle(1), since: asked))
        log.note(try handle(2))
        #expect(!log.hasChanged(try handle(1), since: asked))
        #expect(log.hasChanged(try handle(2), since: asked))
        #expect(!log.hasChanged(try handle(2), since: log.moment))
        log.noteAll()
        #expect(log.hasChanged(try handle(1), since: asked))
        #expect(!log.hasChanged(try handle(1), since: log.moment))
    }

    @Test func `what it no longer remembers counts as changed, and stays so`() throws {
        var log = ChangeLog()
        let asked = log.moment
        log.note(try handle(0))
        for number in 1...(3 * ChangeLog.limit) { log.note(try handle(number)) }
        #expect(log.hasChanged(try handle(0), since: asked))
        let last = log.moment
        #expect(!log.hasChanged(try handle(0), since: last))
        log.noteAll()
        for number in 1...(ChangeLog.limit) { log.note(try handle(number)) }
        #expect(log.hasChanged(try handle(60_000), since: last))
    }
}

/// An entry of a FUSE_READDIRPLUS answer.
struct Told {
    var name: String
    /// 0 where nothing but the name was told.
    var node: UInt64
    var size: UInt64
    /// DT_REG and the like.
    var kind: UInt32

    static func all(in bytes: [UInt8]) -> [Told] {
        var told: [Told] = []
        var place = 0
        let entrySize = MemoryLayout<fuse_entry_out>.size
        bytes.withUnsafeBytes { raw in
            while place + entrySize + 24 <= raw.count {
                let entry = raw.loadUnaligned(fromByteOffset: place, as: fuse_entry_out.self)
                let start = place + entrySize
                let length = raw.loadUnaligned(fromByteOffset: start + 16, as: UInt32.self)
                let kind = raw.loadUnaligned(fromByteOffset: start + 20, as: UInt32.self)
                let end = min(raw.count, start + 24 + Int(length))
                told.append(
                    Told(
                        name: String(decoding: raw[start + 24..<end], as: UTF8.self),
                        node: entry.nodeid, size: entry.attr.size, kind: kind))
                place = (end + 7) & ~7
            }
        }
        return told
    }
}

extension FakeServer {
    /// READDIRPLUS3resok of a whole folder: names, their handles' numbers, and attributes.
    static func listedPlus(_ entries: [(name: String, number: UInt8, [UInt8])]) -> [UInt8] {
        var bytes = words([0, 0, 0, 0])
        for (name, number, attributes) in entries {
            var writer = XDRWriter()
            writer.write(true)
            writer.write(UInt64(1000) + UInt64(number))
            writer.write(Array(name.utf8))
            writer.write(UInt64(number))
            bytes += writer.bytes + words([1]) + attributes
            var handle = XDRWriter()
            handle.write(true)
            handle.write(Bench.handle(number))
            bytes += handle.bytes
        }
        return bytes + words([0, 1])
    }
}
