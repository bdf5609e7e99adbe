import Testing

@testable import Sandbox

@Suite struct SystemCallFilterTests {
    private let machine = FilterMachine(
        SystemCallFilter(
            SystemCallRule.all("read write") + SystemCallRule.unixSockets
                + [
                    .processes, SystemCallRule("ioctl", argument: 1, oneOf: [0x5401, 0x541b]),
                    SystemCallRule(
                        "fcntl", when: [.init(argument: 1, mask: 0xff00, value: 0xae00)]),
                ]))

    @Test func `allows what is listed`() {
        #expect(machine.verdict("read") == FilterMachine.allowed)
        #expect(machine.verdict("write", [1, 2, 3]) == FilterMachine.allowed)
    }

    @Test func `refuses what is not listed`() {
        #expect(machine.verdict("unlink") == FilterMachine.notPermitted)
        #expect(machine.verdict("connect") == FilterMachine.notPermitted)
    }

    @Test(arguments: ["mount", "ptrace", "unshare", "setns", "bpf", "keyctl", "kexec_load"])
    func `kills who calls into the kernel's depths`(name: String) {
        #expect(machine.verdict(name) == FilterMachine.killed)
    }

    @Test func `a listed call is not deadly`() {
        let tracer = FilterMachine(SystemCallFilter(SystemCallRule.all("ptrace")))
        #expect(tracer.verdict("ptrace") == FilterMachine.allowed)
        #expect(tracer.verdict("mount") == FilterMachine.killed)
    }

    @Test func `allows sockets of the Unix family alone`() {
        #expect(machine.verdict("socket", [1, 1, 0]) == FilterMachine.allowed)
        for family: UInt64 in [2, 10, 16, 17, 38, 40, 1 | 2] {
            #expect(machine.verdict("socket", [family, 1, 0]) == FilterMachine.notPermitted)
        }
    }

    @Test func `what the kernel cuts off does not count`() {
        #expect(machine.verdict("socket", [1 << 32 | 1]) == FilterMachine.allowed)
        #expect(machine.verdict("socket", [1 << 32 | 2]) == FilterMachine.notPermitted)
    }

    @Test func `allows processes but no namespaces`() {
        #expect(machine.verdict("clone", [0x11]) == FilterMachine.allowed)
        #expect(machine.verdict("clone", [0x3d_0f00]) == FilterMachine.allowed)
        for bit: UInt64 in [7, 17, 25, 26, 27, 28, 29, 30] {
            #expect(machine.verdict("clone", [0x11 | 1 << bit]) == FilterMachine.notPermitted)
        }
    }

    @Test func `clone3 is answered as by a kernel that has none`() {
        #expect(machine.verdict("clone3") == FilterMachine.notImplemented)
    }

    @Test func `tests of a rule are alternatives`() {
        #expect(machine.verdict("ioctl", [0, 0x5401]) == FilterMachine.allowed)
        #expect(machine.verdict("ioctl", [0, 0x541b]) == FilterMachine.allowed)
        #expect(machine.verdict("ioctl", [0, 0x5412]) == FilterMachine.notPermitted)
        #expect(machine.verdict("fcntl", [0, 0xae80]) == FilterMachine.allowed)
        #expect(machine.verdict("fcntl", [0, 0xaf80]) == FilterMachine.notPermitted)
    }

    @Test func `calls by another architecture's numbers are deadly`() {
        #expect(machine.verdict(number: 0, architecture: 0x4000_0003) == FilterMachine.killed)
        #expect(machine.verdict(number: 0x4000_0000) == FilterMachine.killed)
        #expect(machine.verdict(number: 0xffff_ffff) == FilterMachine.killed)
    }

    @Test func `calls that came after the tables do not exist`() {
        #expect(machine.verdict(number: 462) == FilterMachine.notImplemented)
    }

    @Test func `a program is eight bytes an instruction`() {
        var program = FilterProgram()
        program.load(.number)
        program.unlessEqual(0x0102_0304, skip: 1)
        program.end(.fail(errno: 1))
        #expect(
            program.bytes == [
                0x20, 0, 0, 0, 0, 0, 0, 0, 0x15, 0, 0, 1, 4, 3, 2, 1, 6, 0, 0, 0, 1, 0, 5, 0,
            ])
    }

    @Test func `the largest filter fits the kernel`() {
        let everything = SystemCallFilter(SystemCallRule.startup + SystemCallFilter.deadly)
        let program = everything.program(for: .x86)
        #expect(program.instructions.count < FilterProgram.maximumCount)
        #expect(program.bytes.count < 64 << 10)
    }
}

@Suite struct SystemCallNumbersTests {
    @Test(arguments: [
        ("read", 0), ("ptrace", 101), ("openat", 257), ("seccomp", 317), ("rseq", 334),
        ("pidfd_send_signal", 424), ("clone3", 435), ("set_mempolicy_home_node", 450),
    ])
    func `the x86-64 table is the kernel's`(name: String, number: UInt32) {
        #expect(SystemCallNumbers.x86.number(of: name) == number)
    }

    @Test(arguments: [
        ("io_setup", 0), ("openat", 56), ("read", 63), ("ptrace", 117), ("clone", 220),
        ("wait4", 260), ("rseq", 293), ("clone3", 435), ("set_mempolicy_home_node", 450),
    ])
    func `the Arm table is the kernel's`(name: String, number: UInt32) {
        #expect(SystemCallNumbers.arm.number(of: name) == number)
    }

    @Test func `old calls are not on Arm`() {
        #expect(SystemCallNumbers.arm.number(of: "open") == nil)
        #expect(SystemCallNumbers.x86.number(of: "no_such_call") == nil)
    }

    @Test(arguments: SystemCallRule.startup)
    func `every name of the common list is a call of x86-64`(rule: SystemCallRule) {
        #expect(SystemCallNumbers.x86.number(of: rule.name) != nil)
    }
}
