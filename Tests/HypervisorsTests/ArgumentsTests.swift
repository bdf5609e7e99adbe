import Platform
import Sandbox
import Testing
import VirtualMachine

@testable import Hypervisors

@Suite struct ArgumentsTests {
    private func description(
        disks: Int = 2, link: Int32? = 9, words: [String] = ["causeway.word"]
    ) -> VirtualMachineDescription {
        VirtualMachineDescription(
            appliance: AppliancePaths(kernel: "/k", initramfs: "/i"), memoryMiB: 256,
            diskSockets: (0..<disks).map { "/run/user/1/some:where/disk\($0)" }, link: link,
            console: 1, commandLine: words)
    }

    @Test func `User-Mode Linux gets its disks in order, under names of the sandbox`() {
        let words = UMLHypervisor.arguments(description())
        #expect(
            words.filter { $0.hasPrefix("virtio_uml") } == [
                "virtio_uml.device=/run/disk0:2:0", "virtio_uml.device=/run/disk1:2:1",
            ])
        #expect(words.contains("mem=256M"))
        #expect(words.last == "causeway.word")
    }

    @Test func `User-Mode Linux ends when it panics or restarts`() {
        let words = UMLHypervisor.arguments(description())
        #expect(words.contains("noreboot") && words.contains("panic=-1"))
    }

    @Test func `a machine without a link has no network card`() {
        let uml = UMLHypervisor.arguments(description(link: nil))
        #expect(!uml.contains { $0.hasPrefix("vec") })
        let qemu = QEMUHypervisor(.tcg).arguments(description(link: nil))
        #expect(!qemu.contains { $0.contains("net") })
    }

    @Test func `QEMU has shared memory and no device by default`() {
        let line = QEMUHypervisor(.tcg).arguments(description())
        #expect(line.contains("-nodefaults") && line.contains("-no-user-config"))
        #expect(line.contains { $0.hasPrefix("memory-backend-memfd") && $0.hasSuffix("share=on") })
        #expect(line.filter { $0.hasPrefix("vhost-user-blk-pci") }.count == 2)
        #expect(line.contains { $0.hasPrefix("on,") && $0.contains("spawn=deny") })
    }

    @Test func `the accelerator is the one that was asked for`() {
        #expect(QEMUHypervisor(.kvm).arguments(description()).contains("kvm"))
        #expect(!QEMUHypervisor(.tcg).arguments(description()).contains("kvm"))
    }

    @Test(arguments: [0, 63, (1 << 20) + 1, -1])
    func `memory out of bounds is refused`(memory: Int) {
        var machine = description()
        machine.memoryMiB = memory
        #expect(throws: VirtualMachineError.self) { try UMLHypervisor(kernel: "/k").start(machine) }
    }

    @Test func `more disks than letters are refused`() {
        let error = #expect(throws: VirtualMachineError.self) {
            try QEMUHypervisor(.tcg).start(description(disks: 27))
        }
        #expect(error?.cause.contains("26") == true)
    }

    @Test func `an appliance that is not there is named`() {
        let error = #expect(throws: VirtualMachineError.self) {
            try UMLHypervisor(kernel: "/k").start(description(disks: 0))
        }
        #expect(error?.cause.contains("/k") == true)
        #expect(error?.remedy.contains("appliance build") == true)
    }

    @Test func `KVM is the only machine that may use its device`() {
        let rule = QEMUHypervisor.filter(.tcg).rules.first { $0.name == "ioctl" }
        #expect(rule?.tests.contains { $0.mask == 0xff00 } == false)
        let kvm = QEMUHypervisor.filter(.kvm).rules.first { $0.name == "ioctl" }
        #expect(kvm?.tests.contains { $0.mask == 0xff00 && $0.value == 0xae00 } == true)
    }

    @Test(arguments: [
        UMLHypervisor.filter, QEMUHypervisor.filter(.kvm), QEMUHypervisor.filter(.tcg),
    ])
    func `no machine may reach beyond its sandbox`(filter: SystemCallFilter) {
        let names = Set(filter.rules.map(\.name))
        #expect(
            names.isDisjoint(with: [
                "mount", "umount2", "unshare", "setns", "clone3", "keyctl", "bpf", "userfaultfd",
                "io_uring_setup", "perf_event_open", "init_module", "kexec_load", "chroot",
                "pivot_root", "open_by_handle_at", "process_vm_readv", "fork", "vfork",
            ]))
        #expect(filter.rules.first { $0.name == "socket" }?.tests.isEmpty == false)
        #expect(filter.rules.first { $0.name == "clone" }?.tests.isEmpty == false)
    }

    @Test func `nobody but User-Mode Linux traces`() {
        #expect(UMLHypervisor.filter.rules.contains { $0.name == "ptrace" })
        #expect(!QEMUHypervisor.filter(.tcg).rules.contains { $0.name == "ptrace" })
    }
}
