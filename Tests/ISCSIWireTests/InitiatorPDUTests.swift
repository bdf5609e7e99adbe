import Testing

@testable import ISCSIWire

@Suite struct InitiatorPDUTests {
    @Test func `a read command has its fields at their places`() throws {
        let bytes = Sample.header([
            0: [0x01, 0xC1, 0, 0], 4: [0, 0, 0, 0], 8: [0, 1, 0, 0, 0, 0, 0, 0],
            16: [1, 2, 3, 4], 20: [0, 0, 0x10, 0], 24: [0, 0, 0, 9], 28: [0, 0, 0, 7],
            32: [0x28, 0, 0, 0, 0, 5, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0xEE],
        ])
        guard case .command(let command) = try Sample.decode(bytes) else {
            Issue.record("not a command")
            return
        }
        #expect(command.isFinal && command.reads && !command.writes && !command.isImmediate)
        #expect(command.attribute == 1)
        #expect(command.lun == 0x0001_0000_0000_0000)
        #expect(command.initiatorTaskTag == 0x0102_0304)
        #expect(command.expectedLength == 4096 && command.expectedReadLength == 4096)
        #expect(command.cmdSN == 9 && command.expStatSN == 7)
        #expect(command.cdb == Array(bytes[32...]))
    }

    @Test func `a long command block and a read length come in additional segments`() throws {
        // An extended CDB of 4 more bytes, then the bidirectional length.
        let additional: [UInt8] =
            [0, 5, 1, 0, 0xA, 0xB, 0xC, 0xD] + [0, 5, 2, 0, 0, 0, 2, 0]
        let bytes = Sample.header([0: [0x01, 0xE0], 4: [4], 20: [0, 0, 1, 0]])
        guard case .command(let command) = try Sample.decode(bytes, additional: additional) else {
            Issue.record("not a command")
            return
        }
        #expect(command.cdb.count == 20)
        #expect(command.cdbRest == [0xA, 0xB, 0xC, 0xD])
        #expect(command.expectedLength == 256 && command.expectedReadLength == 512)
    }

    @Test(arguments: [
        [UInt8]([0, 0, 1, 0]), [0, 9, 1, 0], [0xFF, 0xFF, 1, 0], [0, 5, 3, 0, 0, 0, 0, 0],
        [0, 4, 2, 0, 0, 0, 0, 0], [0, 5, 2, 0, 1, 1, 1, 1, 0, 5, 2, 0, 1, 1, 1, 1],
    ])
    func `additional segments that lie are refused`(_ additional: [UInt8]) {
        let bytes = Sample.header([0: [0x01, 0x80], 4: [UInt8(additional.count / 4)]])
        #expect(throws: ISCSIWireError.self) {
            try Sample.decode(bytes, additional: additional)
        }
    }

    @Test func `headers that lack what they announce are refused`() {
        let bytes = Sample.header([0: [0x01, 0x80], 4: [2]])
        #expect(throws: ISCSIWireError.length(0, want: 8)) { try Sample.decode(bytes) }
        #expect(throws: ISCSIWireError.length(47, want: 48)) {
            try BasicHeader([UInt8](repeating: 0, count: 47))
        }
    }

    @Test func `a command that is not final must write`() {
        #expect(throws: ISCSIWireError.field("SCSI command F", 0)) {
            try Sample.decode(Sample.header([0: [0x01, 0x40]]))
        }
    }

    @Test(arguments: [0x07, 0x11, 0x1C, 0x20, 0x3F])
    func `opcodes that no initiator sends are refused`(_ opcode: UInt8) {
        #expect(throws: ISCSIWireError.opcode(opcode)) {
            try Sample.decode(Sample.header([0: [opcode, 0x80]]))
        }
    }

    @Test func `a login has its stages, versions and names of the session`() throws {
        let bytes = Sample.header([
            0: [0x43, 0x87, 2, 1], 8: [0x80, 1, 2, 3, 4, 5, 0xAB, 0xCD], 16: [0, 0, 0, 5],
            20: [0x12, 0x34, 0, 0], 24: [0, 0, 0, 1], 28: [0, 0, 0, 2],
        ])
        guard case .login(let login) = try Sample.decode(bytes) else {
            Issue.record("not a login")
            return
        }
        #expect(login.wantsTransit && !login.continues)
        #expect(login.currentStage == 1 && login.nextStage == 3)
        #expect(login.versionMax == 2 && login.versionMin == 1)
        #expect(login.isid.bytes == [0x80, 1, 2, 3, 4, 5] && login.tsih == 0xABCD)
        #expect(login.connectionID == 0x1234 && login.cmdSN == 1 && login.expStatSN == 2)
    }

    @Test func `a login that is not immediate is refused`() {
        #expect(throws: ISCSIWireError.field("login I", 0)) {
            try Sample.decode(Sample.header([0: [0x03, 0x87]]))
        }
    }

    @Test func `task management, logout, text and pings are told apart`() throws {
        let abort = Sample.header([
            0: [0x42, 0x81], 20: [0, 0, 0, 7], 32: [0, 0, 0, 3],
        ])
        guard case .taskManagement(let request) = try Sample.decode(abort) else {
            Issue.record("not task management")
            return
        }
        #expect(request.function == 1 && request.referencedTaskTag == 7 && request.refCmdSN == 3)
        #expect(request.isImmediate)
        guard
            case .logout(let logout) = try Sample.decode(
                Sample.header([0: [0x06, 0x81], 20: [0, 9]]))
        else {
            Issue.record("not a logout")
            return
        }
        #expect(logout.reason == .closeConnection && logout.connectionID == 9)
        #expect(throws: ISCSIWireError.field("logout reason", 3)) {
            try Sample.decode(Sample.header([0: [0x06, 0x83]]))
        }
        #expect(throws: ISCSIWireError.field("text F and C", 3)) {
            try Sample.decode(Sample.header([0: [0x04, 0xC0]]))
        }
        // A ping that wants no answer has to be immediate.
        #expect(throws: ISCSIWireError.field("NOP-Out I", 0)) {
            try Sample.decode(Sample.header([0: [0x00, 0x80], 16: [0xFF, 0xFF, 0xFF, 0xFF]]))
        }
    }

    @Test func `any 48 bytes decode or are refused, and nothing else`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = (0..<48).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes[0] &= 0x5F
            let header = bytes.withUnsafeBytes { BasicHeader($0) }
            #expect(header.bytes == bytes)
            let additional = [UInt8](repeating: 0, count: header.additionalLength)
            _ = try? InitiatorPDU(header, additional: additional)
        }
    }
}
