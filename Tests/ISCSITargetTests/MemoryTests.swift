import Dispatch
import Platform
import SCSIWire
import Synchronization
import Testing

@testable import ISCSITarget

/// What initiators that do not take their answers, or send no data, can hold of the memory that
/// all sessions share.
@Suite(.serialized) struct MemoryTests {
    private static let total = 8 << 20
    private static let slack = 3 << 20

    private func bench(_ budget: ByteBudget, shortMilliseconds: Int64 = 20_000) throws -> Bench {
        try Bench(disk: MemoryDisk(isImmediate: false), units: 2) {
            $0.budget = budget
            $0.limits.shortMilliseconds = shortMilliseconds
        }
    }

    private func enter(_ bench: Bench, _ number: Int) throws -> RawInitiator {
        let raw = try RawInitiator(port: bench.port)
        raw.isid[5] = UInt8(number)
        try raw.enter(["MaxRecvDataSegmentLength=262144", "MaxBurstLength=4194304"])
        try raw.settle()
        return raw
    }

    private func wait(_ isSo: () -> Bool) -> Bool {
        let deadline = Clock.milliseconds() + 10_000
        while !isSo() {
            if Clock.milliseconds() > deadline { return false }
            _ = try? Descriptors.poll([], milliseconds: 5)
        }
        return true
    }

    /// A session that asks for 64 MiB and takes nothing of it.
    private func hog(_ bench: Bench, _ number: Int) throws -> RawInitiator {
        let raw = try enter(bench, number)
        for _ in 0..<32 {
            try raw.send(
                bytes: raw.command(CDB.read10(0, 4096), flags: 0xC1, expected: 2 << 20))
        }
        return raw
    }

    private func read(_ raw: RawInitiator, _ blocks: UInt16) throws -> Int {
        let count = Int(blocks) * 512
        try raw.send(bytes: raw.command(CDB.read10(0, blocks), flags: 0xC1, expected: count))
        var got = 0
        while got < count {
            let pdu = try raw.receive()
            guard pdu.opcode == 0x25 else { break }
            got += pdu.data.count
        }
        return got
    }

    /// Eight writes of 1 MiB whose data is asked for.
    private func write(_ port: Int, _ number: Int) throws {
        let raw = try RawInitiator(port: port)
        raw.isid[5] = UInt8(number)
        try raw.enter(["InitialR2T=Yes", "ImmediateData=No", "MaxBurstLength=1048576"])
        try raw.settle()
        for tag in 1...8 as ClosedRange<UInt32> {
            try raw.send(
                bytes: raw.command(
                    CDB.write10(tag * 2048, 2048), flags: 0xA1, expected: 1 << 20, tag: tag))
        }
        let data = [UInt8](repeating: 0xA5, count: 8192)
        var answered = 0
        while answered < 8 {
            let pdu = try raw.receive()
            guard pdu.opcode == 0x31 else {
                #expect(pdu.header[0..<4] == [0x21, 0x80, 0, 0])
                answered += 1
                continue
            }
            let count = Int(pdu.word(44))
            for number in 0..<count / 8192 {
                try raw.send(
                    bytes: raw.dataOut(
                        tag: pdu.word(16), transfer: pdu.word(20), number: UInt32(number),
                        offset: Int(pdu.word(40)) + number * 8192, data,
                        isFinal: number == count / 8192 - 1))
            }
        }
    }

    @Test func `answers that nobody takes count, and have a bound over all sessions`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget)
        let hogs = try (1...12).map { try hog(bench, $0) }
        #expect(wait { budget.isTight })
        var most = 0
        for _ in 0..<40 {
            most = max(most, budget.used)
            _ = try? Descriptors.poll([], milliseconds: 5)
        }
        #expect(most > Self.total / 2 && most <= Self.total + Self.slack, "\(most)")
        // Whoever asks for little is still served.
        let good = try enter(bench, 99)
        for _ in 0..<20 { #expect(try read(good, 8) == 4096) }
        #expect(hogs.count == 12)
    }

    /// A session that announces 64 writes of 256 KiB, and sends 8 KiB of each.
    private func announcer(_ bench: Bench, _ number: Int) throws -> RawInitiator {
        let raw = try unaskedWriter(bench, number)
        let data = [UInt8](repeating: 1, count: 8192)
        for tag in 1...64 as ClosedRange<UInt32> {
            try raw.send(
                bytes: raw.command(CDB.write10(0, 512), flags: 0x21, expected: 256 << 10, tag: tag))
            try raw.send(
                bytes: raw.dataOut(
                    tag: tag, transfer: 0xFFFF_FFFF, number: 0, offset: 0, data, isFinal: false))
        }
        return raw
    }

    private func unaskedWriter(_ bench: Bench, _ number: Int) throws -> RawInitiator {
        let raw = try RawInitiator(port: bench.port)
        raw.isid[5] = UInt8(number)
        try raw.enter(["InitialR2T=No", "FirstBurstLength=262144", "MaxBurstLength=262144"])
        for lun: UInt8 in [0, 1] { try raw.settle(lun: lun) }
        return raw
    }

    /// Writes 16 KiB with the command; the status.
    private func write(_ raw: RawInitiator, tag: UInt32) throws -> UInt8 {
        let data = [UInt8](repeating: 2, count: 16 << 10)
        try raw.send(
            bytes: raw.command(
                CDB.write10(0, 32), flags: 0xA1, expected: data.count, data: data, tag: tag))
        return try raw.receive().header[3]
    }

    @Test func `data that comes unasked counts too, and is refused without room`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget)
        let announcers = try (1...6).map { try announcer(bench, $0) }
        #expect(wait { budget.used > Self.total })
        let good = try unaskedWriter(bench, 98)
        for tag in 1...20 as ClosedRange<UInt32> {
            #expect(try write(good, tag: tag) == 0)
            #expect(budget.used <= Self.total * 5 / 4 + Self.slack)
        }
        // One whose commands hold some already sends again, later.
        #expect(try refused(good) == SCSIStatus.taskSetFull)
        // At the unit itself there is nothing that it could wait for.
        #expect(try refused(unaskedWriter(bench, 99), behind: 1) == SCSIStatus.busy)
        #expect(announcers.count == 6)
    }

    /// The status of a small write to the first unit, behind a large one whose data does not come.
    private func refused(_ raw: RawInitiator, behind lun: UInt8 = 0) throws -> UInt8 {
        try raw.send(
            bytes: raw.command(
                CDB.write10(0, 512), flags: 0x21, expected: 256 << 10, tag: 50, lun: lun))
        return try write(raw, tag: 51)
    }

    @Test func `who announces data and sends none is sent away while others are refused`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget, shortMilliseconds: 500)
        let announcers = try (1...6).map { try announcer(bench, $0) }
        #expect(wait { budget.used > Self.total })
        var number = 100
        let isFree = wait {
            if budget.used == 0 { return true }
            number += 1
            _ = (try? unaskedWriter(bench, number)).flatMap { try? refused($0) }
            return false
        }
        #expect(isFree && announcers.count == 6)
    }

    @Test(arguments: [0, 64 << 10])
    func `pings that are not taken have a bound over all sessions`(length: Int) throws {
        let budget = ByteBudget(limit: 1 << 20)
        let bench = try bench(budget)
        let data = [UInt8](repeating: 3, count: length)
        var most = 0
        let pingers = try (1...3).map { number in
            let raw = try RawInitiator(port: bench.port, timeoutSeconds: 2)
            raw.isid[5] = UInt8(number)
            try raw.enter(["MaxRecvDataSegmentLength=262144"])
            let fields = [
                0: [0x40, 0x80], 16: RawInitiator.bytes(7), 20: RawInitiator.bytes(0xFFFF_FFFF),
            ]
            var pings = raw.pdu(fields, data: data)
            while pings.count < 1 << 20 { pings += pings }
            for _ in 0..<24 {
                do { try raw.send(bytes: pings) } catch { break }
                most = max(most, budget.used)
            }
            return raw
        }
        #expect(most > 512 << 10 && most <= 5 << 19 && pingers.count == 3, "\(most)")
    }

    @Test func `memory comes back when sessions end`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget)
        var hogs = try (1...6).map { try hog(bench, $0) }
        #expect(wait { budget.isTight })
        hogs.removeAll()
        #expect(wait { budget.used == 0 })
        #expect(try read(try enter(bench, 99), 8192) == 4 << 20)
        #expect(wait { budget.used == 0 })
    }

    @Test func `who takes nothing is sent away while others wait`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget, shortMilliseconds: 500)
        let hogs = try (1...6).map { try hog(bench, $0) }
        #expect(wait { budget.isTight })
        #expect(try read(try enter(bench, 99), 8192) == 4 << 20)
        #expect(hogs.count == 6)
    }

    @Test func `data is asked for within the bound, and every write is done in the end`() throws {
        let budget = ByteBudget(limit: Self.total)
        let bench = try bench(budget)
        let port = bench.port
        let writers = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 6) { number in
            if (try? write(port, number + 1)) != nil { writers.withLock { $0 += 1 } }
        }
        #expect(writers.withLock { $0 } == 6 && bench.port == port)
        #expect(wait { budget.used == 0 })
    }
}
