import Dispatch
import Glibc
import ISCSIWire
import NIOCore
import NIOPosix
import Platform
import SCSITarget
import Testing

@testable import ISCSITarget

@Suite struct ISCSILimitTests {
    @Test func `something other than a login comes to nothing`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.send(bytes: raw.command(CDB.testUnitReady, flags: 0x80, expected: 0))
        #expect(try raw.receive().status == 0x020B)
        #expect(raw.isClosed())
    }

    @Test func `noise, and lengths out of bounds, end the connection`() throws {
        let bench = try Bench()
        let noise = try RawInitiator(port: bench.port)
        try noise.send(bytes: [UInt8](repeating: 0xFF, count: 4096))
        #expect(noise.isClosed())
        let long = try RawInitiator(port: bench.port)
        var header = [UInt8](repeating: 0, count: 48)
        header.replaceSubrange(0..<8, with: [0x43, 0x87, 0, 0, 0, 0xFF, 0xFF, 0xFF])
        try long.send(bytes: header)
        #expect(long.isClosed())
    }

    @Test func `whoever does not log in in time is sent away`() throws {
        let bench = try Bench { $0.limits.loginMilliseconds = 200 }
        let idle = try RawInitiator(port: bench.port)
        let slow = try RawInitiator(port: bench.port)
        try slow.send(bytes: [0x43, 0x87, 0])
        #expect(idle.isClosed() && slow.isClosed())
    }

    @Test func `silence is asked about, and then ended`() throws {
        func silent(_ answerMilliseconds: Int64) throws -> (Bench, RawInitiator) {
            let bench = try Bench {
                $0.limits.pingMilliseconds = 100
                $0.limits.answerMilliseconds = answerMilliseconds
            }
            let raw = try RawInitiator(port: bench.port)
            try raw.enter()
            return (bench, raw)
        }
        let (patient, raw) = try silent(60_000)
        let ping = try raw.receive()
        #expect(ping.opcode == 0x20 && ping.word(16) == 0xFFFF_FFFF)
        #expect(ping.word(20) != 0xFFFF_FFFF)
        try raw.send(
            bytes: raw.pdu([
                0: [0x40, 0x80], 16: [255, 255, 255, 255], 20: RawInitiator.bytes(ping.word(20)),
                24: RawInitiator.bytes(raw.cmdSN),
            ]))
        // Answered once; it is asked again.
        #expect(try raw.receive().opcode == 0x20)
        withExtendedLifetime(patient) {}
        // Never answered; half a PDU is no answer.
        let (hasty, other) = try silent(300)
        #expect(try other.receive().opcode == 0x20)
        try other.send(bytes: [0x40, 0x80, 0])
        #expect(other.isClosed())
        withExtendedLifetime(hasty) {}
    }

    @Test func `connections have a limit, and a place is free again when one ends`() throws {
        let bench = try Bench { $0.limits.connections = 2 }
        var first: RawInitiator? = try RawInitiator(port: bench.port)
        try first?.enter()
        let second = try RawInitiator(port: bench.port)
        second.isid[5] = 2
        try second.enter()
        let third = try RawInitiator(port: bench.port)
        #expect(third.isClosed())
        first = nil
        // Those that come before the server has seen the end are sent away.
        #expect(comesTrue { (try? RawInitiator(port: bench.port).enter()) != nil })
    }

    @Test func `the window closes over commands in flight, and opens again`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false)) { $0.limits.commands = 4 }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        try raw.settle()
        bench.disk.close()
        for tag in 1...6 as ClosedRange<UInt32> {
            try raw.send(
                bytes: raw.command(
                    CDB.read10(0, 1), flags: 0xC1, expected: 512, tag: 100 + tag))
        }
        #expect(bench.disk.waitForArrival())
        try raw.send(
            bytes: raw.pdu([
                0: [0x40, 0x80], 16: [0, 0, 0, 9], 20: [255, 255, 255, 255],
                24: RawInitiator.bytes(raw.cmdSN),
            ]))
        let pong = try raw.receive()
        // ExpCmdSN is one above MaxCmdSN: closed; the last two commands were not heard.
        #expect(pong.opcode == 0x20 && pong.word(28) == pong.word(32) &+ 1)
        bench.disk.open()
        var tags: Set<UInt32> = []
        for _ in 0..<4 { tags.insert(try raw.receive().word(16)) }
        #expect(tags == [101, 102, 103, 104])
    }

    @Test func `data in flight has a limit, and everything is answered in the end`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false)) {
            $0.limits.sessionBytes = 256 << 10
        }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["InitialR2T=Yes", "ImmediateData=No", "MaxBurstLength=131072"])
        try raw.settle()
        var batch: [UInt8] = []
        for tag in 1...8 as ClosedRange<UInt32> {
            batch += raw.command(
                CDB.write10(tag * 256, 256), flags: 0xA1, expected: 131_072, tag: tag)
        }
        try raw.send(bytes: batch)
        let data = [UInt8](repeating: 0xA5, count: 131_072)
        var answered = 0
        while answered < 8 {
            let pdu = try raw.receive()
            if pdu.opcode == 0x31 {
                try raw.send(
                    bytes: raw.dataOut(
                        tag: pdu.word(16), transfer: pdu.word(20), number: 0, offset: 0, data,
                        isFinal: true))
            } else {
                #expect(pdu.header[0..<4] == [0x21, 0x80, 0, 0])
                answered += 1
            }
        }
        #expect(bench.disk.content(8 * 131_072, 131_072) == data)
    }

    @Test func `a command that moves more than a session may is refused`() throws {
        let bench = try Bench { $0.limits.sessionBytes = 64 << 10 }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["InitialR2T=Yes", "ImmediateData=No"])
        try raw.settle()
        for (cdb, flags) in [(CDB.write10(0, 256), 0xA1 as UInt8), (CDB.read10(0, 256), 0xC1)] {
            try raw.send(bytes: raw.command(cdb, flags: flags, expected: 131_072))
            let response = try raw.receive()
            #expect(response.opcode == 0x21 && response.header[3] == 2)
            #expect(response.data[4] & 0xF == 5 && response.data[14] == 0x24)
        }
        try raw.send(bytes: raw.command(CDB.read10(0, 8), flags: 0xC1, expected: 4096))
        #expect(try raw.receive().opcode == 0x25)
    }

    @Test func `an initiator that reads nothing is not read from, and gets all in the end`() throws
    {
        let bench = try Bench { $0.limits.unsentBytes = 1 << 20 }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["MaxRecvDataSegmentLength=1048576"])
        try raw.settle()
        var batch: [UInt8] = []
        for tag in 1...100 as ClosedRange<UInt32> {
            batch += raw.command(CDB.read10(0, 2048), flags: 0xC1, expected: 1 << 20, tag: tag)
        }
        try raw.send(bytes: batch)
        var got = 0
        while got < 100 << 20 {
            let pdu = try raw.receive()
            #expect(pdu.opcode == 0x25)
            got += pdu.data.count
        }
    }

    @Test func `stopping asks initiators to log out, and then drops them`() throws {
        let bench = try Bench()
        let raw = try RawInitiator(port: bench.port)
        try raw.enter()
        bench.server.stop(graceMilliseconds: 50)
        let ask = try raw.receive()
        #expect(ask.opcode == 0x32 && ask.header[36] == 1 && ask.word(40) & 0xFFFF == 1)
        let drop = try raw.receive()
        #expect(drop.opcode == 0x32 && drop.header[36] == 2)
        #expect(raw.isClosed())
    }

    @Test func `beyond loopback a password is needed`() throws {
        let device = SCSITarget(name: Bench.iqn)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let pool = NIOThreadPool(numberOfThreads: 1)
        defer { _ = try? group.syncShutdownGracefully() }
        let open = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(name: Bench.iqn, device: device)
        ])
        for address in ["0.0.0.0", "::"] {
            let server = ISCSIServer(configuration: open, group: group, pool: pool)
            #expect(
                throws: ISCSIServerError.unprotected(address: "\(address):0", target: Bench.iqn)
            ) {
                try server.start(on: [.address(address, port: 0)])
            }
        }
        var protected = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(
                name: Bench.iqn, device: device, credentials: [LoginMachineTests.credential])
        ])
        // Discovery would tell strangers what there is.
        let telling = ISCSIServer(configuration: protected, group: group, pool: pool)
        #expect(throws: ISCSIServerError.unprotectedDiscovery(address: "0.0.0.0:0")) {
            try telling.start(on: [.address("0.0.0.0", port: 0)])
        }
        protected.discoveryCredentials = [LoginMachineTests.credential]
        let server = ISCSIServer(configuration: protected, group: group, pool: pool)
        try server.start(on: [.address("0.0.0.0", port: 0)])
        server.stop(graceMilliseconds: 0)
        #expect(throws: ISCSIServerError.notStartable) {
            try server.start(on: [.address("127.0.0.1", port: 0)])
        }
    }

    @Test func `names that are none, and two of one, are refused`() {
        for names in [["disk"], ["iqn.2026-11.test:A"], [Bench.iqn, Bench.iqn]] {
            let configuration = ISCSIServerConfiguration(
                targets: names.map {
                    ISCSITargetConfiguration(name: $0, device: SCSITarget(name: $0))
                })
            #expect(throws: ISCSIServerError.self) { try configuration.validate() }
        }
    }

    @Test func `IPv6, and a socket that listens already, are portals like any other`() throws {
        let bench = try Bench()
        let device = SCSITarget(name: Bench.iqn)
        let configuration = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(name: Bench.iqn, device: device)
        ])
        let server = ISCSIServer(
            configuration: configuration, group: bench.group, pool: bench.pool)
        try server.start(on: [.address("::1", port: 0)])
        let port = try #require(server.addresses.first?.port)
        let (code, text) = try Tool.run("/usr/bin/iscsi-ls", ["iscsi://[::1]:\(port)"])
        #expect(code == 0 && text.contains("Portal:[::1]:\(port),1"), "\(text)")
        #expect(server.stop(graceMilliseconds: 0))

        let listening = socket(AF_INET, RawInitiator.stream, 0)
        #expect(listen(listening, 8) == 0)
        let given = OwnedFD(taking: listening)
        let second = ISCSIServer(
            configuration: configuration, group: bench.group, pool: bench.pool)
        // Without a bind(2) the kernel listens on every address: that needs a password.
        #expect(throws: ISCSIServerError.self) { try second.start(on: [.descriptor(given)]) }
        let loopback = try RawInitiator.listener()
        let third = ISCSIServer(
            configuration: configuration, group: bench.group, pool: bench.pool)
        try third.start(on: [.descriptor(loopback)])
        let raw = try RawInitiator(port: try #require(third.addresses.first?.port))
        try raw.enter()
        #expect(third.stop(graceMilliseconds: 0))
    }

    @Test func `another initiator's cleared commands end quietly, and it is told`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false))
        let first = try RawInitiator(port: bench.port)
        try first.enter(["InitialR2T=Yes", "ImmediateData=No"])
        try first.settle()
        let second = try RawInitiator(port: bench.port)
        second.isid[5] = 2
        try second.enter()
        try second.settle()
        try first.send(
            bytes: first.command(CDB.write10(0, 1), flags: 0xA1, expected: 512, tag: 5))
        #expect(try first.receive().opcode == 0x31)
        try second.send(bytes: second.manage(4, tag: 9))
        #expect(try second.receive().header[0..<3] == [0x22, 0x80, 0])
        try first.send(bytes: first.command(CDB.testUnitReady, flags: 0x80, expected: 0))
        let told = try first.receive()
        #expect(told.opcode == 0x21 && told.header[3] == 2)
        // UNIT ATTENTION, commands cleared by another initiator.
        #expect(told.data[4] & 0xF == 6 && Array(told.data[14..<16]) == [0x2F, 0])
    }

    @Test func `a write that waits for room is asked for when others are aborted`() throws {
        let bench = try Bench { $0.limits.sessionBytes = 256 << 10 }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter(["InitialR2T=Yes", "ImmediateData=No", "MaxBurstLength=131072"])
        try raw.settle()
        for tag in 1...3 as ClosedRange<UInt32> {
            try raw.send(
                bytes: raw.command(
                    CDB.write10(tag * 256, 256), flags: 0xA1, expected: 131_072, tag: tag))
        }
        for tag in 1...2 as ClosedRange<UInt32> {
            let ask = try raw.receive()
            #expect(ask.opcode == 0x31 && ask.word(16) == tag)
        }
        // ABORT TASK of the first: nothing that a thread does ends, and yet there is room.
        try raw.send(bytes: raw.manage(1, referenced: 1, refCmdSN: raw.cmdSN - 3, tag: 9))
        var seen: [UInt8: UInt32] = [:]
        for _ in 0..<2 {
            let pdu = try raw.receive()
            seen[pdu.opcode] = pdu.word(16)
        }
        #expect(seen == [0x22: 9, 0x31: 3])
    }

    @Test func `commands that wait for an earlier one do not keep room from it`() throws {
        let bench = try Bench { $0.limits.sessionBytes = 320 << 10 }
        let raw = try RawInitiator(port: bench.port)
        try raw.enter([
            "InitialR2T=No", "ImmediateData=No", "MaxBurstLength=131072",
            "FirstBurstLength=65536",
        ])
        try raw.settle()
        let half = [UInt8](repeating: 0x5A, count: 65_536)
        // ORDERED, and half of its data comes unasked, but late.
        try raw.send(
            bytes: raw.command(CDB.write10(0, 256), flags: 0x22, expected: 131_072, tag: 1))
        for tag in 2...3 as ClosedRange<UInt32> {
            try raw.send(
                bytes: raw.command(
                    CDB.write10(tag * 256, 256), flags: 0xA1, expected: 131_072, tag: tag))
            let ask = try raw.receive()
            #expect(ask.opcode == 0x31 && ask.word(16) == tag)
            try raw.send(
                bytes: raw.dataOut(
                    tag: tag, transfer: ask.word(20), number: 0, offset: 0, half + half,
                    isFinal: true))
        }
        try raw.send(
            bytes: raw.dataOut(
                tag: 1, transfer: 0xFFFF_FFFF, number: 0, offset: 0, half, isFinal: true))
        let ask = try raw.receive()
        #expect(ask.opcode == 0x31 && ask.word(16) == 1 && ask.word(40) == 65_536)
        try raw.send(
            bytes: raw.dataOut(
                tag: 1, transfer: ask.word(20), number: 0, offset: 65_536, half, isFinal: true))
        var tags: Set<UInt32> = []
        for _ in 0..<3 {
            let answer = try raw.receive()
            #expect(answer.header[0..<4] == [0x21, 0x80, 0, 0])
            tags.insert(answer.word(16))
        }
        #expect(tags == [1, 2, 3])
    }
}
