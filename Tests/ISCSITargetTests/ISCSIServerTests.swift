import Dispatch
import ISCSIWire
import NIOCore
import SCSITarget
import Testing

@testable import ISCSITarget

@Suite struct ISCSIServerTests {
    static let reading: UInt8 = 0xC1
    static let writing: UInt8 = 0xA1

    @Test func `what is written is read, in one PDU each`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["InitialR2T=No", "ImmediateData=Yes"])
        try raw.settle()
        let data = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try raw.send(
            bytes: raw.command(
                CDB.write10(8, 8), flags: Self.writing, expected: 4096, data: data))
        #expect(try raw.receive().header[0..<4] == [0x21, 0x80, 0, 0])
        #expect(bench.disk.content(4096, 4096) == data)
        try raw.send(
            bytes: raw.command(CDB.read10(8, 8), flags: Self.reading, expected: 4096))
        let answer = try raw.receive()
        #expect(answer.header[0..<4] == [0x25, 0x81, 0, 0])
        #expect(answer.data == data)
    }

    @Test(arguments: [false, true])
    func `large transfers go in bursts, with and without digests`(_ digests: Bool) throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        let keys = digests ? ["HeaderDigest=CRC32C", "DataDigest=CRC32C"] : []
        try raw.enter(
            keys + [
                "InitialR2T=Yes", "ImmediateData=No", "MaxOutstandingR2T=4",
                "MaxBurstLength=16384", "MaxRecvDataSegmentLength=8192",
            ])
        try raw.settle()
        let data = (0..<100_352).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let tag: UInt32 = 0x77
        try raw.send(
            bytes: raw.command(
                CDB.write10(0, 196), flags: Self.writing, expected: data.count, tag: tag))
        var open: [RawInitiator.PDU] = []
        var asked = 0
        var widest = 0
        while true {
            while asked < data.count, open.count < 4 {
                let pdu = try raw.receive()
                #expect(pdu.opcode == 0x31 && pdu.word(16) == tag)
                #expect(Int(pdu.word(40)) == asked && pdu.word(44) <= 16_384)
                asked += Int(pdu.word(44))
                open.append(pdu)
            }
            widest = max(widest, open.count)
            guard !open.isEmpty else { break }
            let one = open.removeFirst()
            let (offset, length) = (Int(one.word(40)), Int(one.word(44)))
            let half = length / 2
            try raw.send(
                bytes: raw.dataOut(
                    tag: tag, transfer: one.word(20), number: 0, offset: offset,
                    Array(data[offset..<offset + half]), isFinal: false))
            try raw.send(
                bytes: raw.dataOut(
                    tag: tag, transfer: one.word(20), number: 1, offset: offset + half,
                    Array(data[offset + half..<offset + length]), isFinal: true))
        }
        #expect(widest == 4)
        #expect(try raw.receive().header[0..<4] == [0x21, 0x80, 0, 0])
        #expect(bench.disk.content(0, data.count) == data)
        try raw.send(
            bytes: raw.command(
                CDB.read10(0, 196), flags: Self.reading, expected: data.count))
        var got: [UInt8] = []
        var number: UInt32 = 0
        while true {
            let pdu = try raw.receive()
            #expect(pdu.opcode == 0x25 && pdu.word(36) == number && pdu.data.count <= 8192)
            #expect(Int(pdu.word(40)) == got.count)
            number += 1
            got += pdu.data
            // The end of each burst is marked.
            let endsBurst = got.count % 16_384 == 0 || got.count == data.count
            #expect((pdu.header[1] & 0x80 != 0) == endsBurst)
            if pdu.header[1] & 1 != 0 { break }
        }
        #expect(got == data)
    }

    @Test func `spoilt data fails its command and nothing else`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["DataDigest=CRC32C", "ImmediateData=Yes"])
        try raw.settle()
        let data = [UInt8](repeating: 7, count: 512)
        try raw.send(
            bytes: raw.command(
                CDB.write10(0, 1), flags: Self.writing, expected: 512, data: data, spoil: true))
        #expect(try raw.receive().header[0..<3] == [0x3F, 0x80, 0x02])
        let response = try raw.receive()
        #expect(response.opcode == 0x21 && response.header[3] == 2)
        // ABORTED COMMAND, protocol service CRC error.
        #expect(response.data[4] & 0xF == 0xB)
        #expect(Array(response.data[14..<16]) == [0x47, 0x05])
        #expect(bench.disk.content(0, 512) == [UInt8](repeating: 0, count: 512))
        try raw.send(
            bytes: raw.command(
                CDB.write10(0, 1), flags: Self.writing, expected: 512, data: data))
        #expect(try raw.receive().header[0..<4] == [0x21, 0x80, 0, 0])
    }

    @Test func `a spoilt header ends the connection`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["HeaderDigest=CRC32C"])
        var bytes = raw.command(CDB.testUnitReady, flags: 0x80, expected: 0)
        bytes[50] ^= 0xFF
        try raw.send(bytes: bytes)
        #expect(raw.isClosed())
    }

    @Test func `a ping comes back with its data`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.send(
            bytes: raw.pdu(
                [
                    0: [0x40, 0x80], 16: [0, 0, 0, 9], 20: [255, 255, 255, 255],
                    24: RawInitiator.bytes(raw.cmdSN),
                ], data: Array("are you there".utf8)))
        let pong = try raw.receive()
        #expect(pong.opcode == 0x20 && pong.word(16) == 9 && pong.text == "are you there")
        #expect(pong.word(20) == 0xFFFF_FFFF)
    }

    @Test func `what cannot be understood is rejected with its reason`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.settle()
        // A retransmission request, an unknown opcode, a reserved task attribute.
        for (bytes, reason) in [
            (raw.pdu([0: [0x50, 0x80]]), 0x03 as UInt8),
            (raw.pdu([0: [0x47, 0x80]]), 0x05),
            (raw.command(CDB.testUnitReady, flags: 0x87, expected: 0), 0x09),
        ] {
            try raw.send(bytes: bytes)
            let reject = try raw.receive()
            #expect(reject.header[0..<3] == [0x3F, 0x80, reason])
            #expect(reject.data == Array(bytes[..<48]))
        }
        // The session goes on, and the rejected command's number is used up.
        try raw.send(bytes: raw.command(CDB.testUnitReady, flags: 0x80, expected: 0))
        #expect(try raw.receive().header[0..<4] == [0x21, 0x80, 0, 0])
    }

    @Test func `a command number that comes early waits for the one before it`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.settle()
        let first = raw.command(CDB.testUnitReady, flags: 0x80, expected: 0, tag: 1001)
        let second = raw.command(CDB.testUnitReady, flags: 0x80, expected: 0, tag: 1002)
        try raw.send(bytes: second + first)
        #expect(try raw.receive().word(16) == 1001)
        #expect(try raw.receive().word(16) == 1002)
    }

    @Test func `a command waiting for data is aborted, and its late data thrown away`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["InitialR2T=Yes", "ImmediateData=No"])
        try raw.settle()
        try raw.send(
            bytes: raw.command(CDB.write10(0, 1), flags: Self.writing, expected: 512, tag: 50))
        let ask = try raw.receive()
        #expect(ask.opcode == 0x31)
        try raw.send(bytes: raw.manage(1, referenced: 50, refCmdSN: raw.cmdSN - 1, tag: 51))
        let done = try raw.receive()
        #expect(done.opcode == 0x22 && done.header[2] == 0 && done.word(16) == 51)
        try raw.send(
            bytes: raw.dataOut(
                tag: 50, transfer: ask.word(20), number: 0, offset: 0,
                [UInt8](repeating: 1, count: 512), isFinal: true))
        try raw.send(bytes: raw.manage(1, referenced: 50, refCmdSN: raw.cmdSN - 1, tag: 52))
        let again = try raw.receive()
        #expect(again.header[2] == 1 && again.word(16) == 52)
        #expect(bench.disk.content(0, 512) == [UInt8](repeating: 0, count: 512))
    }

    @Test func `a command that a thread carries out ends before its abort is answered`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false))
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.settle()
        bench.disk.close()
        try raw.send(
            bytes: raw.command(CDB.read10(0, 1), flags: Self.reading, expected: 512, tag: 60))
        #expect(bench.disk.waitForArrival())
        try raw.send(bytes: raw.manage(5, tag: 61))
        // The session is alive meanwhile.
        try raw.send(
            bytes: raw.pdu([
                0: [0x40, 0x80], 16: [0, 0, 0, 62], 20: [255, 255, 255, 255],
                24: RawInitiator.bytes(raw.cmdSN),
            ]))
        #expect(try raw.receive().word(16) == 62)
        bench.disk.open()
        let done = try raw.receive()
        #expect(done.opcode == 0x22 && done.header[2] == 0 && done.word(16) == 61)
    }

    @Test func `functions and units that do not exist are answered so`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        for (function, lun, want) in [
            (8 as UInt8, 0 as UInt8, 4 as UInt8), (3, 0, 5), (99, 0, 5), (5, 9, 2), (2, 0, 0),
            (4, 0, 0), (6, 0, 0),
        ] {
            try raw.send(bytes: raw.manage(function, lun: lun, tag: 70))
            let response = try raw.receive()
            #expect(response.opcode == 0x22 && response.header[2] == want, "\(function)")
        }
    }

    @Test func `a cold reset ends every session of the target`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        let other = try RawInitiator(port: bench.port)
        other.isid[5] = 9
        try other.enter()
        try raw.send(bytes: raw.manage(7, tag: 1))
        #expect(try raw.receive().header[0..<3] == [0x22, 0x80, 0])
        #expect(raw.isClosed() && other.isClosed())
    }

    @Test func `ordered commands wait for those before them, and those behind wait`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false))
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.settle()
        bench.disk.close()
        var batch = raw.command(CDB.read10(0, 1), flags: 0xC1, expected: 512, tag: 1)
        batch += raw.command(CDB.read10(1, 1), flags: 0xC2, expected: 512, tag: 2)
        batch += raw.command(CDB.read10(2, 1), flags: 0xC1, expected: 512, tag: 3)
        // HEAD OF QUEUE overtakes them, as it needs no disk.
        batch += raw.command(CDB.testUnitReady, flags: 0x83, expected: 0, tag: 4)
        try raw.send(bytes: batch)
        #expect(bench.disk.waitForArrival())
        bench.disk.open()
        var order: [UInt32] = []
        for _ in 0..<4 { order.append(try raw.receive().word(16)) }
        #expect(order.filter { $0 != 4 } == [1, 2, 3])
    }

    @Test func `a login that repeats a session's names replaces it`() throws {
        let bench = try Bench()
        let first = try RawInitiator(port: bench.port)
        let handle = try first.enter().word(12) & 0xFFFF
        let second = try RawInitiator(port: bench.port)
        let other = try second.enter().word(12) & 0xFFFF
        #expect(first.isClosed())
        #expect(handle != 0 && other != 0 && handle != other)
        try second.settle()
        #expect(comesTrue { bench.server.status.sessions.count == 1 })
    }

    @Test func `many sessions live side by side`() throws {
        let bench = try Bench()
        var all: [RawInitiator] = []
        for index in 0..<60 {
            let raw = try RawInitiator(port: bench.port)
            raw.isid[5] = UInt8(index)
            try raw.enter()
            all.append(raw)
        }
        for raw in all { try raw.settle() }
        #expect(bench.server.status.sessions.count == 60)
        #expect(bench.server.status.sessions.allSatisfy { $0.target == Bench.iqn })
    }

    @Test func `logout answers, and ends the session`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.send(
            bytes: raw.pdu([
                0: [0x46, 0x82], 16: [0, 0, 0, 4], 24: RawInitiator.bytes(raw.cmdSN),
            ]))
        #expect(try raw.receive().header[2] == 2)
        try raw.send(
            bytes: raw.pdu([
                0: [0x46, 0x80], 16: [0, 0, 0, 5], 24: RawInitiator.bytes(raw.cmdSN),
            ]))
        let response = try raw.receive()
        #expect(response.opcode == 0x26 && response.header[2] == 0)
        #expect(raw.isClosed())
    }
}
