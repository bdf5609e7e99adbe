import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct WriteTransferTests {
    static func parameters(
        firstBurst: Int = 4096, burst: Int = 8192, window: Int = 2, initialR2T: Bool = false,
        immediate: Bool = true
    ) -> SessionParameters {
        var parameters = SessionParameters()
        parameters.firstBurstLength = firstBurst
        parameters.maxBurstLength = burst
        parameters.maxOutstandingR2T = window
        parameters.initialR2T = initialR2T
        parameters.immediateData = immediate
        return parameters
    }

    static func dataOut(
        _ offset: Int, transfer: UInt32 = 0xFFFF_FFFF, number: UInt32 = 0, isFinal: Bool = false
    ) throws -> DataOutPDU {
        var header = BasicHeader(opcode: 0x05)
        header.flags = isFinal ? 0x80 : 0
        header.targetTransferTag = transfer
        header.words[9] = number
        header.words[10] = UInt32(offset)
        guard case .dataOut(let pdu) = try InitiatorPDU(header) else { throw LoginStatus.success }
        return pdu
    }

    static func transfer(
        wanted: Int, expected: Int? = nil, immediate: Int = 0, moreFollows: Bool = false,
        _ parameters: SessionParameters = parameters()
    ) -> WriteTransfer {
        WriteTransfer(
            wanted: wanted, expected: expected ?? wanted, immediate: immediate,
            moreFollows: moreFollows, parameters: parameters)
    }

    @Test func `immediate data that is all there is completes a command`() {
        let transfer = Self.transfer(wanted: 512, immediate: 512)
        #expect(transfer.isComplete && transfer.fault == nil)
    }

    @Test func `what may come unasked is known when the command comes`() {
        let first = Self.transfer(wanted: 20_000, immediate: 512, moreFollows: true)
        #expect(first.unaskedBytes(immediate: 512) == 4096 && first.expectsData)
        let short = Self.transfer(wanted: 1024, immediate: 512, moreFollows: true)
        #expect(short.unaskedBytes(immediate: 512) == 1024)
        let asked = Self.transfer(wanted: 20_000, immediate: 512)
        #expect(asked.unaskedBytes(immediate: 512) == 512 && !asked.expectsData)
        // A command that has failed already takes nothing, and keeps its own answer.
        let unwanted = Self.transfer(wanted: 0, expected: 4096, immediate: 4096)
        #expect(unwanted.unaskedBytes(immediate: 4096) == 0)
        let refused = Self.transfer(wanted: 8192, immediate: 8192)
        #expect(refused.fault != nil && refused.unaskedBytes(immediate: 8192) == 0)
    }

    @Test func `what is missing is asked for in bursts, as many at once as agreed`() throws {
        var transfer = Self.transfer(wanted: 20_000, immediate: 4096)
        let first = transfer.ask(tag: 1)
        let second = transfer.ask(tag: 2)
        #expect(first == .init(tag: 1, sequence: 0, offset: 4096, length: 8192))
        #expect(second == .init(tag: 2, sequence: 1, offset: 12_288, length: 7712))
        #expect(transfer.ask(tag: 3) == nil)
        #expect(try transfer.begin(Self.dataOut(4096, transfer: 1), length: 8000) == 4096)
        let end = try Self.dataOut(12_096, transfer: 1, number: 1, isFinal: true)
        #expect(transfer.begin(end, length: 192) == 12_096)
        #expect(!transfer.isComplete)
        let rest = try Self.dataOut(12_288, transfer: 2, isFinal: true)
        #expect(transfer.begin(rest, length: 7712) == 12_288)
        #expect(transfer.isComplete && transfer.fault == nil)
    }

    @Test func `data that comes unasked is waited for, and then the rest is asked for`() throws {
        var transfer = Self.transfer(wanted: 8192, immediate: 1024, moreFollows: true)
        #expect(!transfer.mustAsk && !transfer.isComplete)
        #expect(try transfer.begin(Self.dataOut(1024, isFinal: true), length: 1024) == 1024)
        #expect(transfer.ask(tag: 1) == .init(tag: 1, sequence: 0, offset: 2048, length: 6144))
    }

    @Test func `an initiator with more than the command wants is asked for no more`() throws {
        let transfer = Self.transfer(wanted: 512, expected: 10_000, immediate: 4096)
        #expect(transfer.isComplete && transfer.wanted == 512)
        let less = Self.transfer(wanted: 1024, expected: 512, immediate: 512)
        #expect(less.isComplete && less.wanted == 512)
    }

    @Test func `data nobody agreed to is a fault`() {
        let tooMuch = Self.transfer(wanted: 8192, immediate: 4097)
        #expect(tooMuch.fault == .unsolicited)
        let immediate = Self.transfer(
            wanted: 512, immediate: 512, Self.parameters(immediate: false))
        #expect(immediate.fault == .unsolicited && immediate.isComplete)
        let following = Self.transfer(
            wanted: 512, moreFollows: true, Self.parameters(initialR2T: true))
        #expect(following.fault == .unsolicited && !following.isComplete)
    }

    @Test(arguments: [
        (4096, 1, 1024, WriteTransfer.Fault.order), (4097, 0, 1024, .offset),
        (4096, 0, 8193, .offset), (0, 0, 1024, .offset),
    ])
    func `numbers and offsets must be the next ones`(
        _ offset: Int, _ number: Int, _ length: Int, _ want: WriteTransfer.Fault
    ) throws {
        var transfer = Self.transfer(wanted: 20_000, immediate: 4096)
        _ = transfer.ask(tag: 1)
        let pdu = try Self.dataOut(offset, transfer: 1, number: UInt32(number))
        #expect(transfer.begin(pdu, length: length) == nil)
        #expect(transfer.fault == want)
        // The command fails, but only when the initiator has sent the sequence to its end.
        #expect(!transfer.isComplete && !transfer.mustAsk)
        _ = transfer.begin(try Self.dataOut(0, transfer: 1, isFinal: true), length: 0)
        #expect(transfer.isComplete)
    }

    @Test func `a sequence that ends early, or out of turn, is a fault`() throws {
        var transfer = Self.transfer(wanted: 20_000, immediate: 4096)
        _ = transfer.ask(tag: 1)
        _ = transfer.ask(tag: 2)
        var other = transfer
        _ = transfer.begin(try Self.dataOut(4096, transfer: 1, isFinal: true), length: 100)
        #expect(transfer.fault == .short)
        _ = other.begin(try Self.dataOut(12_288, transfer: 2, isFinal: true), length: 7712)
        #expect(other.fault == .order)
    }

    @Test func `any Data-Out ends in a bounded state`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var transfer = Self.transfer(
                wanted: Int.random(in: 0...30_000), expected: Int.random(in: 0...30_000),
                immediate: Int.random(in: 0...5000), moreFollows: Bool.random())
            for step in 0..<40 where !transfer.isComplete {
                while transfer.ask(tag: UInt32(step * 8 + Int.random(in: 1...8))) != nil {}
                let pdu = try Self.dataOut(
                    Int.random(in: 0...30_000, using: &generator),
                    transfer: Bool.random() ? 0xFFFF_FFFF : UInt32.random(in: 1...320),
                    number: UInt32.random(in: 0...2), isFinal: Bool.random())
                let length = Int.random(in: 0...9000)
                if let offset = transfer.begin(pdu, length: length) {
                    #expect(offset >= 0 && offset + length <= 30_000)
                }
            }
        }
    }
}
