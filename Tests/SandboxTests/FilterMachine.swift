@testable import Sandbox

/// Runs filter programs as the kernel does, for system calls that a test makes up.
struct FilterMachine {
    let instructions: [FilterProgram.Instruction]
    let numbers: SystemCallNumbers

    init(_ filter: SystemCallFilter, numbers: SystemCallNumbers = .x86) {
        self.numbers = numbers
        instructions = filter.program(for: numbers).instructions
    }

    /// The verdict on a call by name; nil where the table has no such call.
    func verdict(_ name: String, _ arguments: [UInt64] = []) -> UInt32? {
        numbers.number(of: name).map { verdict(number: $0, arguments) }
    }

    /// The verdict on a call by number.
    func verdict(
        number: UInt32, _ arguments: [UInt64] = [], architecture: UInt32? = nil
    ) -> UInt32 {
        var words = [UInt32](repeating: 0, count: 16)
        words[0] = number
        words[1] = architecture ?? numbers.auditArchitecture
        for (index, argument) in arguments.enumerated() {
            words[4 + 2 * index] = UInt32(truncatingIfNeeded: argument)
            words[5 + 2 * index] = UInt32(truncatingIfNeeded: argument >> 32)
        }
        var accumulator: UInt32 = 0
        var place = 0
        while place < instructions.count {
            let instruction = instructions[place]
            place += 1
            var holds: Bool?
            switch instruction.code {
            case 0x20: accumulator = words[Int(instruction.operand / 4)]
            case 0x54: accumulator &= instruction.operand
            case 0x06: return instruction.operand
            case 0x15: holds = accumulator == instruction.operand
            case 0x25: holds = accumulator > instruction.operand
            default: return 0xffff_ffff
            }
            if let holds { place += Int(holds ? instruction.jumpTrue : instruction.jumpFalse) }
        }
        return 0xffff_ffff
    }

    static let allowed: UInt32 = 0x7fff_0000
    static let killed: UInt32 = 0x8000_0000
    static let notPermitted: UInt32 = 0x0005_0001
    static let notImplemented: UInt32 = 0x0005_0026
}
