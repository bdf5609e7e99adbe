import CFUSE
import Glibc
import GuestWire
import NFSWire
import Testing

@testable import Bridge

/// What happens to data between a write and its commit.
@Suite struct LostDataTests {
    private func benchWithOpenFile() throws -> (Bench, UInt64, UInt64) {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1)
        let handle = try bench.open(node)
        bench.guest.handlers[7] = { _ in FakeServer.written(4, verifier: 1) }
        bench.guest.handlers[21] = { _ in FakeServer.words([0, 0, 0, 0, 1]) }
        return (bench, node, handle)
    }

    @Test func `commits through the strict export`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        #expect(try bench.write(node, handle, [1, 2, 3, 4]).errno == 0)
        #expect(bench.server.currentStatistics.uncommittedBytes == 4)
        #expect(try bench.sync(node, handle) == 0)
        #expect(bench.server.currentStatistics.uncommittedBytes == 0)
        let call = try #require(bench.guest.calls.last)
        #expect(call.procedure == 21 && call.arguments[8] == 2)
    }

    @Test func `writes through the strict export, stably, what was opened with O_SYNC`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        bench.guest.handlers[7] = { _ in FakeServer.written(4, stability: 2, verifier: 1) }
        #expect(try bench.write(node, handle, [1, 2, 3, 4], flags: O_SYNC).errno == 0)
        let call = try #require(bench.guest.calls.last)
        #expect(call.arguments[8] == 2)
        #expect(bench.server.currentStatistics.uncommittedBytes == 0)
    }

    @Test func `reports data that the server lost at the next fsync, once`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        _ = try bench.write(node, handle, [1, 2, 3, 4])
        bench.guest.handlers[21] = { _ in FakeServer.words([0, 0, 0, 0, 2]) }
        #expect(try bench.sync(node, handle) == EIO)
        #expect(try bench.sync(node, handle) == 0)
        #expect(bench.server.currentStatistics.lostFiles == 1)
    }

    @Test func `reports lost data at close`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        _ = try bench.write(node, handle, [1, 2, 3, 4])
        let other = try bench.lookUp("b", handle: 2)
        let otherHandle = try bench.open(other)
        bench.guest.handlers[7] = { _ in FakeServer.written(4, verifier: 2) }
        #expect(try bench.write(other, otherHandle, [1, 2, 3, 4]).errno == 0)
        var input = fuse_flush_in()
        input.fh = handle
        #expect(try bench.ask(FUSE_FLUSH, node: node, Bench.bytes(input)).errno == EIO)
        #expect(try bench.ask(FUSE_FLUSH, node: node, Bench.bytes(input)).errno == 0)
        input.fh = otherHandle
        #expect(try bench.ask(FUSE_FLUSH, node: other, Bench.bytes(input)).errno == 0)
    }

    @Test func `blames a write that failed for the verifier that changed with it`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        _ = try bench.write(node, handle, [1, 2, 3, 4])
        bench.guest.handlers[7] = { _ in FakeServer.words([28, 0, 0]) }
        #expect(try bench.write(node, handle, [1, 2, 3, 4]).errno == ENOSPC)
        bench.guest.handlers[21] = { _ in FakeServer.words([0, 0, 0, 0, 2]) }
        #expect(try bench.sync(node, handle) == 0)
    }

    @Test func `goes on where the server took less than was sent`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        bench.guest.handlers[7] = { _ in FakeServer.written(1, verifier: 1) }
        let answer = try bench.write(node, handle, [1, 2, 3])
        #expect(try answer.value(fuse_write_out.self).size == 3)
        let offsets = bench.guest.calls.filter { $0.procedure == 7 }.map { $0.arguments[23] }
        #expect(offsets == [0, 1, 2])
    }

    @Test func `takes a write of nothing, or of more than was sent, for an error`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        for count: UInt32 in [0, 5, .max] {
            bench.guest.handlers[7] = { _ in FakeServer.written(count, verifier: 1) }
            #expect(try bench.write(node, handle, [1, 2, 3, 4]).errno == EIO)
        }
    }

    @Test func `has the agent write a folder`() throws {
        let bench = try Bench()
        let input = fuse_fsync_in()
        #expect(try bench.ask(FUSE_FSYNCDIR, Bench.bytes(input)).errno == 0)
        #expect(bench.agent.requests == [.sync])
        bench.agent.answer = { _ in
            .failed(GuestFailure(step: .file, errno: EIO, message: "no"))
        }
        #expect(try bench.ask(FUSE_FSYNCDIR, Bench.bytes(input)).errno == EIO)
    }

    @Test func `drains with one sync and a look at the verifier`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        _ = try bench.write(node, handle, [1, 2, 3, 4])
        var result: Int32?
        bench.server.drain { result = $0 }
        try bench.turn { result != nil }
        #expect(result == 0)
        #expect(bench.agent.requests == [.sync])
        #expect(bench.server.currentStatistics.uncommittedBytes == 0)
    }

    @Test func `tells everybody of a drain that failed, not just the first`() throws {
        let (bench, node, handle) = try benchWithOpenFile()
        _ = try bench.write(node, handle, [1, 2, 3, 4])
        bench.agent.answer = { _ in
            .failed(GuestFailure(step: .file, errno: EIO, message: "no"))
        }
        var results: [Int32] = []
        bench.server.drain { results.append($0) }
        bench.server.drain { results.append($0) }
        try bench.turn { results.count == 2 }
        bench.agent.answer = { _ in .done }
        bench.server.drain { results.append($0) }
        try bench.turn { results.count == 3 }
        #expect(results == [EIO, EIO, EIO])
    }

    @Test func `clears set-user bits before it writes`() throws {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1, FakeServer.attributes(mode: 0o6755))
        let handle = try bench.open(node)
        bench.guest.handlers[2] = { _ in
            FakeServer.words([0, 0, 1]) + FakeServer.attributes(mode: 0o755)
        }
        bench.guest.handlers[7] = { _ in FakeServer.written(1, verifier: 1) }
        var input = fuse_write_in()
        input.fh = handle
        input.size = 1
        input.write_flags = UInt32(FUSE_WRITE_KILL_SUIDGID)
        for _ in 0..<2 {
            #expect(try bench.ask(FUSE_WRITE, node: node, Bench.bytes(input) + [7]).errno == 0)
        }
        #expect(bench.guest.procedures.suffix(3) == [2, 7, 7])
        #expect(bench.notices == 1)
    }
}
