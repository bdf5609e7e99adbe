import CFUSE
import Glibc
import NFSWire
import Testing

@testable import Bridge

/// A guest that lies, stalls or dies: errors within bounds, and never a crash.
@Suite struct HostileGuestTests {
    private func list(_ bench: Bench, _ handle: UInt64, from offset: UInt64 = 0) throws
        -> Bench.Answer
    {
        var input = fuse_read_in()
        input.fh = handle
        input.offset = offset
        input.size = 4096
        return try bench.ask(FUSE_READDIRPLUS, Bench.bytes(input))
    }

    private func openFolder(_ bench: Bench) throws -> UInt64 {
        try bench.ask(FUSE_OPENDIR, Bench.bytes(fuse_open_in())).value(fuse_open_out.self).fh
    }

    @Test func `fails everything at once when the guest closes the connection`() throws {
        let bench = try Bench()
        bench.guest.handlers[1] = { _ in nil }
        let waiting = try bench.send(FUSE_GETATTR, Bench.bytes(fuse_getattr_in()))
        try bench.settle()
        #expect(!bench.isAnswered(waiting))
        bench.guest.close()
        #expect(try bench.wait(waiting).errno == EIO)
        #expect(try bench.ask(FUSE_GETATTR, Bench.bytes(fuse_getattr_in())).errno == EIO)
        #expect(bench.server.guestFailure != nil)
        var result: Int32?
        bench.server.drain { result = $0 }
        #expect(result == EIO)
    }

    @Test func `fails everything at once when the session says so`() throws {
        let bench = try Bench()
        bench.guest.handlers[1] = { _ in nil }
        let waiting = try bench.send(FUSE_GETATTR, Bench.bytes(fuse_getattr_in()))
        try bench.settle()
        bench.server.loseGuest("killed")
        #expect(try bench.wait(waiting).errno == EIO)
        #expect(try bench.ask(FUSE_STATFS).errno == EIO)
    }

    @Test(
        arguments: [
            [0, 0, 0, 4, 1, 2, 3, 4], [0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 0],
            [0x80, 0, 0, 24] + [UInt8](repeating: 0xff, count: 24),
            [0x80, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1],
        ] as [[UInt8]])
    func `takes a malformed record for the guest's end`(bytes: [UInt8]) throws {
        let bench = try Bench()
        bench.guest.sendRaw(bytes)
        try bench.turn { bench.server.guestFailure != nil }
        #expect(try bench.ask(FUSE_STATFS).errno == EIO)
    }

    @Test func `takes an answer nobody asked for, and a second one, for the guest's end`() throws {
        let bench = try Bench()
        bench.guest.send(FakeServer.words([0x7777, 1, 0, 0, 0, 0, 0]))
        try bench.turn { bench.server.guestFailure != nil }
    }

    @Test func `takes results that are cut short for the guest's end`() throws {
        let bench = try Bench()
        bench.guest.handlers[3] = { _ in FakeServer.words([0, 0xffff_fff0]) }
        #expect(try bench.ask(FUSE_LOOKUP, Bench.name("a")).errno == EIO)
        #expect(bench.server.guestFailure != nil)
    }

    @Test func `takes a malformed frame of the agent for the guest's end`() throws {
        let bench = try Bench()
        bench.agent.sendRaw([0xff, 0xff, 0xff, 0xff])
        try bench.turn { bench.server.guestFailure != nil }
        #expect(try bench.ask(FUSE_STATFS).errno == EIO)
    }

    @Test func `leaves a folder that never goes on`() throws {
        let bench = try Bench()
        bench.guest.handlers[17] = { _ in FakeServer.listed([("a", 7)], end: false) }
        let folder = try openFolder(bench)
        #expect(try list(bench, folder).errno == 0)
        #expect(try list(bench, folder, from: 7).errno == EIO)
        bench.guest.handlers[17] = { _ in FakeServer.listed([], end: false) }
        #expect(try list(bench, folder).errno == EIO)
    }

    @Test func `leaves a folder that holds nothing but illegal names`() throws {
        let bench = try Bench()
        var cookie: UInt64 = 0
        bench.guest.handlers[17] = { _ in
            cookie += 1
            return FakeServer.listed([("a/b", cookie)], end: false)
        }
        #expect(try list(bench, try openFolder(bench)).errno == EIO)
        #expect(cookie < 200)
    }

    @Test func `lists legal names beside illegal ones`() throws {
        let bench = try Bench()
        bench.guest.handlers[17] = { _ in
            FakeServer.listed([("good", 1), ("..//", 2), ("", 3), ("better", 4)], end: true)
        }
        let bytes = try list(bench, try openFolder(bench)).bytes
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("good") && text.contains("better") && !text.contains("/"))
    }

    @Test func `gives a listing again from its start after a rewind`() throws {
        let bench = try Bench()
        let folder = try openFolder(bench)
        bench.guest.handlers[17] = { _ in FakeServer.listed([("old", 1)], end: true) }
        _ = try list(bench, folder)
        bench.guest.handlers[17] = { _ in FakeServer.listed([("new", 1)], end: true) }
        #expect(try list(bench, folder, from: 1).bytes.isEmpty)
        #expect(String(decoding: try list(bench, folder).bytes, as: UTF8.self).contains("new"))
    }

    @Test func `hides a lie about a file's size`() throws {
        let bench = try Bench()
        bench.guest.handlers[3] = { _ in
            FakeServer.found(Bench.handle(1), FakeServer.attributes(size: .max))
        }
        let entry = try bench.ask(FUSE_LOOKUP, Bench.name("a")).value(fuse_entry_out.self)
        #expect(entry.attr.size == UInt64(Int64.max))
    }

    private func read(_ bench: Bench, _ node: UInt64, _ size: UInt32) throws -> Bench.Answer {
        var input = fuse_read_in()
        input.size = size
        return try bench.ask(FUSE_READ, node: node, Bench.bytes(input))
    }

    private static func data(_ bytes: [UInt8], end: Bool) -> [UInt8] {
        var writer = XDRWriter()
        for word: UInt32 in [0, 0, UInt32(bytes.count), end ? 1 : 0] { writer.write(word) }
        writer.write(bytes)
        return writer.bytes
    }

    @Test func `puts short answers to a read together`() throws {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1)
        bench.guest.handlers[6] = { call in
            Self.data([call.arguments[23]], end: false)
        }
        #expect(try read(bench, node, 4).bytes == [0, 1, 2, 3])
    }

    @Test func `fails a read that gets nothing, or more than it asked for`() throws {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1)
        bench.guest.handlers[6] = { _ in Self.data([], end: false) }
        #expect(try read(bench, node, 4).errno == EIO)
        bench.guest.handlers[6] = { _ in Self.data([1, 2, 3, 4, 5], end: true) }
        #expect(try read(bench, node, 4).errno == EIO)
    }

    @Test func `fails a link that points nowhere`() throws {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1, FakeServer.attributes(type: 5))
        bench.guest.handlers[5] = { _ in FakeServer.words([0, 0, 0]) }
        #expect(try bench.ask(FUSE_READLINK, node: node).errno == EIO)
    }

    @Test func `survives random answers to everything`() throws {
        for seed in 0..<60 {
            let bench = try Bench()
            let node = try bench.lookUp("a", handle: 1)
            let folder = try openFolder(bench)
            var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1
            let random: (FakeServer.Call) -> [UInt8]? = { _ in
                (0..<64).flatMap { index -> [UInt8] in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    let word = index == 0 ? 0 : UInt32(truncatingIfNeeded: state >> 60)
                    return FakeServer.words([word])
                }
            }
            for procedure: UInt32 in 1...21 { bench.guest.handlers[procedure] = random }
            _ = try bench.send(FUSE_LOOKUP, Bench.name("b"))
            _ = try bench.send(FUSE_GETATTR, node: node, Bench.bytes(fuse_getattr_in()))
            _ = try bench.send(FUSE_STATFS, [])
            _ = try bench.send(FUSE_READLINK, node: node, [])
            var input = fuse_read_in()
            input.fh = folder
            input.size = 4096
            _ = try bench.send(FUSE_READDIRPLUS, Bench.bytes(input))
            try bench.settle()
        }
    }
}
