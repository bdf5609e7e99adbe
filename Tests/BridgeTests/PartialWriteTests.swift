import CFUSE
import Glibc
import GuestWire
import NFSWire
import Testing

@testable import Bridge

/// Writes that end half-way.
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
}
