import FoundationEssentials
import Platform
import Testing

@testable import Targets

/// What a guest's program serves, told by bytes.
@Suite struct TargetServiceTests {
    private func plan(_ listeners: [TargetPlan.Listener]) throws -> [UInt8] {
        let file = try MemoryFile.make(named: "disk", content: [], size: 1 << 20)
        var plan = TargetPlan(
            store: .descriptor(try file.duplicateForHandover()), readOnly: true, name: "disk",
            identity: "test", iscsiName: "iqn.2026-11.test:disk")
        plan.listeners = listeners
        return [UInt8](try JSONEncoder().encode(plan))
    }

    @Test func `a plan is served once, and stopped`() throws {
        let service = TargetService()
        let plan = try plan([.init(.address("127.0.0.1", port: 0), .nbd)])
        try service.start(plan)
        #expect(throws: TargetError.self) { try service.start(plan) }
        let figures = try service.stop(milliseconds: 100)
        #expect(
            try JSONDecoder().decode(TargetFigures.self, from: Data(figures)) == TargetFigures())
    }

    @Test func `stopping nothing reports nothing`() throws {
        let figures = try TargetService().stop(milliseconds: 0)
        #expect(
            try JSONDecoder().decode(TargetFigures.self, from: Data(figures)) == TargetFigures())
    }

    @Test(arguments: ["", "{}", "[1", "{\"store\":7}"])
    func `bytes that are no plan are refused`(text: String) {
        #expect(throws: TargetError.self) { try TargetService().start(Array(text.utf8)) }
    }

    @Test func `where the address is not the machine's own nothing is served`() throws {
        let service = TargetService()
        let elsewhere = try plan([.init(.address("192.0.2.1", port: 10809), .nbd)])
        #expect(throws: TargetError.self) { try service.start(elsewhere) }
        try service.start(try plan([.init(.address("127.0.0.1", port: 0), .nbd)]))
        _ = try service.stop(milliseconds: 0)
    }
}
