import Testing

@testable import ISCSIWire

@Suite struct TargetPDUTests {
    let numbers = StatusNumbers(statSN: 0x0A0B_0C0D, expCmdSN: 0x1112_1314, maxCmdSN: 0x2122_2324)

    @Test func `a response tells status, residual and the three numbers`() {
        let bytes = TargetPDU.response(
            task: 0x0102_0304, status: 2, residual: .underflow(0x50), dataPDUs: 6,
            numbers: numbers
        ).bytes
        var want = Sample.header([
            0: [0x21, 0x82, 0, 2], 16: [1, 2, 3, 4], 24: [0xA, 0xB, 0xC, 0xD],
            28: [0x11, 0x12, 0x13, 0x14], 32: [0x21, 0x22, 0x23, 0x24], 36: [0, 0, 0, 6],
            44: [0, 0, 0, 0x50],
        ])
        #expect(bytes == want)
        want[1] = 0x84
        #expect(
            TargetPDU.response(
                task: 0x0102_0304, status: 2, residual: .overflow(0x50), dataPDUs: 6,
                numbers: numbers
            ).bytes == want)
    }

    @Test func `a response to a command that gives and takes has two residuals`() {
        let bytes = TargetPDU.response(
            task: 1, status: 0, residual: .overflow(1), readResidual: .underflow(2), dataPDUs: 0,
            numbers: numbers
        ).bytes
        #expect(bytes[1] == 0x80 | 0x04 | 0x08)
        #expect(Array(bytes[40..<48]) == [0, 0, 0, 2, 0, 0, 0, 1])
    }

    @Test func `the last Data-In carries the status, others carry no status number`() {
        let last = TargetPDU.lastDataIn(
            task: 1, dataSN: 3, offset: 512, length: 7, status: 0, residual: .overflow(9),
            numbers: numbers
        ).bytes
        #expect(Array(last[0..<8]) == [0x25, 0x85, 0, 0, 0, 0, 0, 7])
        #expect(Array(last[20..<28]) == [0xFF, 0xFF, 0xFF, 0xFF, 0xA, 0xB, 0xC, 0xD])
        #expect(Array(last[36..<48]) == [0, 0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 9])
        let other = TargetPDU.dataIn(
            task: 1, isFinal: false, dataSN: 0, offset: 0, length: 512, numbers: numbers
        ).bytes
        #expect(other[1] == 0)
        #expect(Array(other[24..<28]) == [0, 0, 0, 0])
        #expect(Array(other[28..<32]) == [0x11, 0x12, 0x13, 0x14])
    }

    @Test func `a request for data names transfer, offset and length`() {
        let bytes = TargetPDU.readyToTransfer(
            task: 1, lun: 0x0001_0000_0000_0000, transfer: 0x77, sequence: 2, offset: 4096,
            length: 8192, numbers: numbers
        ).bytes
        #expect(Array(bytes[0..<4]) == [0x31, 0x80, 0, 0])
        #expect(Array(bytes[8..<16]) == [0, 1, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[20..<24]) == [0, 0, 0, 0x77])
        #expect(Array(bytes[36..<48]) == [0, 0, 0, 2, 0, 0, 0x10, 0, 0, 0, 0x20, 0])
    }

    @Test func `a login response repeats what the request named`() throws {
        let request = Sample.header([
            0: [0x43, 0x87], 8: [0x80, 1, 2, 3, 4, 5], 16: [9, 9, 9, 9],
        ])
        guard case .login(let login) = try Sample.decode(request) else {
            Issue.record("not a login")
            return
        }
        var reply = LoginReply(to: login, transits: true)
        reply.tsih = 0xBEEF
        reply.status = 0x0201
        let bytes = TargetPDU.login(reply, length: 0, numbers: numbers).bytes
        #expect(Array(bytes[0..<4]) == [0x23, 0x87, 0, 0])
        #expect(Array(bytes[8..<20]) == [0x80, 1, 2, 3, 4, 5, 0xBE, 0xEF, 9, 9, 9, 9])
        #expect(Array(bytes[36..<38]) == [2, 1])
    }

    @Test func `asynchronous messages tell who, when and for how long`() {
        let drop = TargetPDU.async(
            .dropConnection(id: 7, waitSeconds: 2, retainSeconds: 20), numbers: numbers
        ).bytes
        #expect(Array(drop[0..<2]) == [0x32, 0x80])
        #expect(Array(drop[16..<20]) == [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(Array(drop[36..<44]) == [2, 0, 0, 7, 0, 2, 0, 20])
        let logout = TargetPDU.async(.logoutRequest(seconds: 3), numbers: numbers).bytes
        #expect(Array(logout[36..<44]) == [1, 0, 0, 0, 0, 0, 0, 3])
    }

    @Test func `a reject carries the header that it rejects`() {
        let bytes = TargetPDU.reject(.snackReject, numbers: numbers).bytes
        #expect(Array(bytes[0..<8]) == [0x3F, 0x80, 3, 0, 0, 0, 0, 48])
    }

    @Test func `residuals are the difference, and never wrap`() {
        #expect(Residual(has: 512, expected: 512) == .none)
        #expect(Residual(has: 512, expected: 200) == .overflow(312))
        #expect(Residual(has: 512, expected: 10_000) == .underflow(9488))
        #expect(Residual(has: .max, expected: 0) == .overflow(.max))
    }
}
