import Glibc
import Platform
import Testing
import VirtualMachine

@testable import Hypervisors

/// A machine that is a shell script.
private struct ScriptHypervisor: Hypervisor {
    let script: String
    var kind: HypervisorKind { .uml }
    func presence() -> HypervisorPresence { .installed(version: "1") }

    func start(
        _ description: VirtualMachineDescription
    ) throws(VirtualMachineError) -> ChildProcess {
        do {
            return try ChildProcess(
                SpawnOptions(
                    path: "/bin/sh", arguments: ["-c", script],
                    descriptors: [-1, description.console, description.console]))
        } catch { throw VirtualMachineError(cause: "\(error)", remedy: "") }
    }
}

@Suite struct BootTestTests {
    private func run(_ script: String, limit: Int64 = 120_000) -> BootResult {
        BootTest.run(
            ScriptHypervisor(script: script),
            appliance: AppliancePaths(kernel: "", initramfs: ""), limit: limit)
    }

    @Test func `a sign of life from process 1 is a boot`() {
        guard case .boots = run("echo; printf 'causeway: self'; echo 'test ok'; exec sleep 100")
        else {
            Issue.record("no boot")
            return
        }
    }

    @Test func `a kernel that shows its command line has not booted`() {
        #expect(
            run("echo 'Command line: quiet \(BootTest.word)'; echo 'Kernel panic'")
                == .fails(reason: "it ended: Kernel panic"))
    }

    @Test func `a machine that spins fails at the limit, and is ended`() {
        let begin = Clock.milliseconds()
        let result = run("while :; do :; done", limit: 300)
        #expect(result == .fails(reason: "no sign of life within 300 ms"))
        #expect(Clock.milliseconds() - begin < 60_000)
    }

    @Test func `a machine that talks without end fails at the limit`() {
        #expect(
            run("while :; do echo noise; done", limit: 500)
                == .fails(reason: "no sign of life within 500 ms"))
    }

    @Test func `a machine that ends at once says so`() {
        #expect(run("exit 1") == .fails(reason: "it ended at once and said nothing"))
    }

    @Test(arguments: HypervisorKind.allCases)
    func `every kind has a limit`(kind: HypervisorKind) {
        #expect((1000...180_000).contains(BootTest.limit(for: kind)))
    }
}
