/// A program of the kernel's classic packet filter, as seccomp runs it over a system call.
///
/// Source: `linux/filter.h`, `linux/seccomp.h`; at most 4,096 instructions. A value type.
struct FilterProgram: Sendable {
    /// The longest program the kernel takes (`BPF_MAXINSNS`).
    static let maximumCount = 4096

    /// What the kernel does with a call.
    enum Action: Sendable, Equatable {
        /// Runs it.
        case allow
        /// Fails it with this errno.
        case fail(errno: UInt16)
        /// Kills the whole process with SIGSYS.
        case kill

        var value: UInt32 {
            switch self {
            case .allow: 0x7fff_0000
            case .fail(let errno): 0x0005_0000 | UInt32(errno)
            case .kill: 0x8000_0000
            }
        }
    }

    /// The fields of `struct seccomp_data`, by offset.
    enum Field: Sendable, Equatable {
        case number
        case architecture
        /// The low half of an argument, on a little-endian machine.
        case argument(Int)

        var offset: UInt32 {
            switch self {
            case .number: 0
            case .architecture: 4
            case .argument(let index): 16 + 8 * UInt32(index)
            }
        }
    }

    /// `struct sock_filter`.
    struct Instruction: Sendable, Equatable {
        var code: UInt16
        var jumpTrue: UInt8 = 0
        var jumpFalse: UInt8 = 0
        var operand: UInt32
    }

    /// The instructions so far.
    private(set) var instructions: [Instruction] = []

    /// Loads a field into the accumulator.
    mutating func load(_ field: Field) {
        instructions.append(Instruction(code: 0x20, operand: field.offset))
    }

    /// Ends with an action.
    mutating func end(_ action: Action) {
        instructions.append(Instruction(code: 0x06, operand: action.value))
    }

    /// Passes over the next `count` instructions where the accumulator is not this value.
    mutating func unlessEqual(_ value: UInt32, skip count: UInt8) {
        instructions.append(Instruction(code: 0x15, jumpFalse: count, operand: value))
    }

    /// Passes over the next `count` instructions where the accumulator is this value.
    mutating func whenEqual(_ value: UInt32, skip count: UInt8) {
        instructions.append(Instruction(code: 0x15, jumpTrue: count, operand: value))
    }

    /// Passes over the next `count` instructions where the accumulator is at most this value.
    mutating func unlessAbove(_ value: UInt32, skip count: UInt8) {
        instructions.append(Instruction(code: 0x25, jumpFalse: count, operand: value))
    }

    /// Keeps only these bits of the accumulator.
    mutating func and(_ mask: UInt32) {
        instructions.append(Instruction(code: 0x54, operand: mask))
    }

    /// The program as the kernel reads it: eight bytes an instruction, little-endian.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(instructions.count * 8)
        for instruction in instructions {
            bytes.append(UInt8(truncatingIfNeeded: instruction.code))
            bytes.append(UInt8(truncatingIfNeeded: instruction.code >> 8))
            bytes.append(instruction.jumpTrue)
            bytes.append(instruction.jumpFalse)
            for shift in [0, 8, 16, 24] as [UInt32] {
                bytes.append(UInt8(truncatingIfNeeded: instruction.operand >> shift))
            }
        }
        return bytes
    }
}
