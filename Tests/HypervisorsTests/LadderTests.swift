import Platform
import Testing
import VirtualMachine

@testable import Hypervisors

@Suite struct LadderMemoryTests {
    private let folder: TestFolder
    private var file: String { "\(folder.path)/sub/memory" }

    init() throws { folder = try TestFolder() }

    @Test func `results come back`() throws {
        var memory = LadderMemory(key: "a|b")
        memory.note(.boots(milliseconds: 120), for: .uml)
        memory.note(.fails(reason: "no sign\nof life"), for: .kvm)
        try memory.save(to: file)
        let again = LadderMemory(file: file, key: "a|b")
        #expect(again.results[.uml] == .boots(milliseconds: 120))
        #expect(again.results[.kvm] == .fails(reason: "no sign of life"))
        #expect(again.results[.tcg] == nil)
    }

    @Test func `another machine forgets`() throws {
        var memory = LadderMemory(key: "old")
        memory.note(.boots(milliseconds: 1), for: .kvm)
        try memory.save(to: file)
        #expect(LadderMemory(file: file, key: "new").results.isEmpty)
    }

    @Test(arguments: [
        "", "\n", "causeway hypervisors 1", "causeway hypervisors 2\nkey\numl boots 1",
        "causeway hypervisors 1\nkey\numl\numl boots\numl boots x\nxen boots 1\numl sinks 1\n",
    ])
    func `a file that is not understood is as good as none`(text: String) throws {
        try Files.makeDirectories("\(folder.path)/sub")
        try Files.replace(file, with: Array(text.utf8))
        #expect(LadderMemory(file: file, key: "key").results.isEmpty)
    }

    @Test func `the key changes with the appliance`() throws {
        let kernel = "\(folder.path)/kernel"
        try Files.replace(kernel, with: [1])
        let appliances = [HypervisorKind.uml: AppliancePaths(kernel: kernel, initramfs: kernel)]
        let key = MachineKey.current(appliances: appliances)
        #expect(MachineKey.current(appliances: appliances) == key)
        try Files.replace(kernel, with: [1, 2])
        #expect(MachineKey.current(appliances: appliances) != key)
        #expect(!key.contains("\n"))
    }
}

@Suite struct HypervisorLadderTests {
    private let folder: TestFolder
    private let appliances: [HypervisorKind: AppliancePaths]
    private var file: String { "\(folder.path)/memory" }

    init() throws {
        folder = try TestFolder()
        let kernel = "\(folder.path)/kernel"
        try Files.replace(kernel, with: Array("#!/bin/sh\n".utf8), mode: 0o700)
        let paths = AppliancePaths(kernel: kernel, initramfs: kernel)
        appliances = [.uml: paths, .kvm: paths, .tcg: paths]
    }

    private func remember(_ results: [HypervisorKind: BootResult]) throws {
        var memory = LadderMemory(key: MachineKey.current(appliances: appliances))
        for (kind, result) in results { memory.note(result, for: kind) }
        try memory.save(to: file)
    }

    private var ladder: HypervisorLadder {
        HypervisorLadder(memoryFile: file, appliances: appliances)
    }

    @Test func `a mount does not wait for a test where User-Mode Linux is there`() throws {
        #expect(try ladder.choose().kind == .uml)
        #expect(!Files.exists(file))
    }

    @Test func `what is remembered not to boot is passed over`() throws {
        try remember([.kvm: .fails(reason: "spins"), .uml: .fails(reason: "ptrace")])
        #expect(try ladder.choose().kind == .tcg)
    }

    @Test func `KVM that is remembered to boot comes first`() throws {
        try remember([.kvm: .boots(milliseconds: 300)])
        guard case .installed = QEMUHypervisor(.kvm).presence() else { return }
        #expect(try ladder.choose().kind == .kvm)
    }

    @Test func `a kind that was requested is not exchanged for another`() throws {
        try remember([.uml: .fails(reason: "for a reason")])
        let error = #expect(throws: VirtualMachineError.self) {
            try ladder.choose(requested: .uml)
        }
        #expect(error?.cause.contains("for a reason") == true)
    }

    @Test func `without an appliance there is no hypervisor, and every reason is told`() {
        let ladder = HypervisorLadder(memoryFile: file, appliances: [:])
        let error = #expect(throws: VirtualMachineError.self) { try ladder.choose() }
        for kind in HypervisorKind.allCases {
            #expect(error?.cause.contains(kind.rawValue) == true)
        }
        #expect(ladder.survey(test: false).allSatisfy { !$0.isChosen })
    }

    @Test func `a survey shows every kind, and one choice`() throws {
        try remember([.kvm: .fails(reason: "spins")])
        let findings = ladder.survey(test: false)
        #expect(findings.map(\.kind) == HypervisorLadder.order)
        #expect(findings.filter(\.isChosen).map(\.kind) == [.uml])
        #expect(findings.allSatisfy { !$0.reason.isEmpty })
    }

    @Test func `names`() {
        #expect(HypervisorLadder.kinds(named: "qemu") == [.kvm, .tcg])
        #expect(HypervisorLadder.kinds(named: "uml") == [.uml])
        #expect(HypervisorLadder.kinds(named: "vax") == nil)
    }
}
