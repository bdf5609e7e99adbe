import CFUSE
import Glibc
import GuestWire
import NFSWire
import Testing

@testable import Bridge

/// Writes that end half-way, and what a change of contents takes away.
@Suite struct PartialWriteTests {
    private func benchWithOpenFile(
        mode: UInt32 = 0o644
    ) throws -> (Bench, UInt64, UInt64) {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1, FakeServer.attributes(mode: mode))
        return (bench, node, try bench.open(node))
    }

    @Test(arguments: [28, 5, 69] as [UInt32])
    func `a write that fails half-way tells how much was taken, and the next one why`(
        status: UInt32
    ) throws {
        let (bench, node, handle) = try benchWithOpenFile()
        var calls = 0
        bench.guest.handlers[7] = { _ in
            calls += 1
            return calls == 1
                ? FakeServer.written(3, verifier: 1) : FakeServer.words([status, 0, 0])
        }
        let answer = try bench.write(node, handle, [1, 2, 3, 4])
        #expect(answer.errno == 0)
        #expect(try answer.value(fuse_write_out.self).size == 3)
        #expect(try bench.write(node, handle, [4]).errno > 0)
        #expect(bench.server.nodes[node]?.state?.changesInFlight == 0)
    }

    @Test func `allocating clears set-user bits, for all but root`() throws {
        let (bench, node, handle) = try benchWithOpenFile(mode: 0o6755)
        bench.guest.handlers[2] = { _ in
            FakeServer.words([0, 0, 1]) + FakeServer.attributes(mode: 0o755)
        }
        let input = fuse_fallocate_in(fh: handle, offset: 0, length: 4096, mode: 0, padding: 0)
        for _ in 0..<2 {
            #expect(try bench.ask(FUSE_FALLOCATE, node: node, Bench.bytes(input)).errno == 0)
        }
        #expect(bench.guest.procedures.filter { $0 == 2 }.count == 1)
        #expect(bench.agent.requests.count == 2 && bench.notices == 1)
    }

    @Test func `where they cannot be cleared, nothing is allocated`() throws {
        let (bench, node, handle) = try benchWithOpenFile(mode: 0o6755)
        bench.guest.handlers[2] = { _ in FakeServer.words([5, 0, 0]) }
        let input = fuse_fallocate_in(fh: handle, offset: 0, length: 4096, mode: 0, padding: 0)
        #expect(try bench.ask(FUSE_FALLOCATE, node: node, Bench.bytes(input)).errno == EIO)
        #expect(bench.agent.requests.isEmpty)
    }
}
