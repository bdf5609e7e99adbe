import AoEWire
import BlockDevice
import Dispatch
import Platform
import Testing

@testable import AoETarget

/// A server, and a client at the other end of its socket: packets instead of a link.
private final class Served {
    let disk: TestDisk
    let server: AoEServer
    private let client: OwnedFD
    private var tag: UInt32 = 0

    init(
        _ disk: TestDisk = TestDisk(), cache: AoETargetConfiguration.Cache = .writeThrough,
        keptFile: String? = nil
    ) throws {
        let (ours, theirs) = try Descriptors.socketPair(packets: true)
        var configuration = AoETargetConfiguration(
            device: disk, address: Bench.disk, mac: Bench.target, mtu: 9000, identity: "test")
        configuration.cache = cache
        configuration.keptFile = keptFile
        self.disk = disk
        client = ours
        server = try AoEServer(configuration, socket: theirs)
        // It says that it is there.
        let hello = try #require(try receive())
        #expect(hello.header.tag == 0 && hello.header.destination == .broadcast)
    }

    deinit { server.stop(graceMilliseconds: 60_000) }

    @discardableResult
    func send(
        _ registers: ATARegisters, data: [UInt8] = [], tag: UInt32? = nil
    ) throws -> UInt32 {
        self.tag += 1
        var header = Bench.header(.ata)
        header.tag = tag ?? self.tag
        try Files.writeAll(header.frame(registers.encoded + data), to: client.raw)
        return header.tag
    }

    func send(_ command: AoECommand, _ argument: [UInt8]) throws {
        try Files.writeAll(Bench.header(command).frame(argument), to: client.raw)
    }

    func receive(
        milliseconds: Int32 = 60_000
    ) throws -> (header: AoEHeader, registers: ATARegisters, data: [UInt8])? {
        guard try Descriptors.waitReadable(client.raw, milliseconds: milliseconds) else {
            return nil
        }
        let frame = try Descriptors.readSome(client.raw, limit: 1 << 16)
        return try frame.withUnsafeBytes { bytes in
            let header = try AoEHeader(decoding: bytes)
            let rest = UnsafeRawBufferPointer(rebasing: bytes[AoEHeader.size...])
            let registers = try ATARegisters(decoding: rest)
            return (header, registers, Array(rest[ATARegisters.size...]))
        }
    }

    /// Asks and waits for the one answer.
    func ask(
        _ registers: ATARegisters, data: [UInt8] = []
    ) throws -> (registers: ATARegisters, data: [UInt8]) {
        let tag = try send(registers, data: data)
        let answer = try #require(try receive())
        #expect(answer.header.tag == tag)
        return (answer.registers, answer.data)
    }
}

/// Whether a condition holds within a minute.
private func comesTrue(_ condition: () -> Bool) -> Bool {
    let deadline = Clock.milliseconds() + 60_000
    while !condition() {
        if Clock.milliseconds() > deadline { return false }
        _ = try? Descriptors.poll([], milliseconds: 20)
    }
    return true
}

private func sectors(_ count: Int, of value: UInt8) -> [UInt8] {
    [UInt8](repeating: value, count: 512 * count)
}

@Suite struct ServerTests {
    @Test(arguments: [true, false])
    func `what was written is read, at once or by a thread that waits`(isImmediate: Bool) throws {
        let served = try Served(TestDisk(isImmediate: isImmediate))
        let write = ATARegisters(command: 0x34, flags: [.write], count: 17, lba: 5)
        let data = (0..<17).flatMap { sectors(1, of: UInt8($0 + 1)) }
        #expect(try served.ask(write, data: data).registers.command == 0x40)
        let read = try served.ask(ATARegisters(command: 0x24, count: 17, lba: 5))
        #expect(read.registers.command == 0x40 && read.data == data)
        #expect(comesTrue { served.server.status.bytesRead == 17 * 512 })
        #expect(comesTrue { served.server.status.bytesWritten == 17 * 512 })
    }

    @Test func `an answered write is durable unless the owner says otherwise`() throws {
        let write = ATARegisters(command: 0x34, count: 1)
        let through = try Served()
        _ = try through.ask(write, data: sectors(1, of: 1))
        #expect(!through.disk.isDirty)
        let back = try Served(cache: .writeBack)
        _ = try back.ask(write, data: sectors(1, of: 1))
        #expect(back.disk.isDirty)
        #expect(try back.ask(ATARegisters(command: 0xe7)).registers.command == 0x40)
        #expect(!back.disk.isDirty)
        _ = try back.ask(ATARegisters(command: 0x3d, count: 1), data: sectors(1, of: 2))
        #expect(!back.disk.isDirty)
    }

    @Test func `a flush that fails is told to whoever was to be told of durability`() throws {
        let served = try Served()
        served.disk.failFlushes()
        let write = ATARegisters(command: 0x34, count: 1)
        let answer = try served.ask(write, data: sectors(1, of: 1)).registers
        #expect(answer.command == 0x61 && answer.feature == ATAError.aborted.rawValue)
        #expect(try served.ask(ATARegisters(command: 0xea)).registers.command == 0x61)
    }

    @Test func `writes that come together share calls and flushes, in their order`() throws {
        let served = try Served()
        served.disk.close()
        try served.send(ATARegisters(command: 0x34, count: 1), data: sectors(1, of: 1))
        #expect(served.disk.waitForArrival())
        for number in 1...20 {
            let write = ATARegisters(command: 0x34, count: 2, lba: UInt64(2 * number))
            try served.send(write, data: sectors(2, of: UInt8(number)))
        }
        // One that comes twice, and a later one for the same place: the later one stays.
        let twice = ATARegisters(command: 0x34, count: 1, lba: 90)
        try served.send(twice, data: sectors(1, of: 1), tag: 1000)
        try served.send(twice, data: sectors(1, of: 2), tag: 2000)
        #expect(comesTrue { served.server.waitingWrites == 22 })
        served.disk.open()
        for _ in 0..<23 { _ = try #require(try served.receive()) }
        #expect(served.disk.bytes[90 * 512] == 2)
        for number in 1...20 { #expect(served.disk.bytes[1024 * number] == UInt8(number)) }
        #expect(served.disk.counts.writes <= 6 && served.disk.counts.flushes <= 4)
    }

    @Test func `a message that waits already is not done again, and is answered once`() throws {
        let served = try Served()
        served.disk.close()
        try served.send(ATARegisters(command: 0x34, count: 1), data: sectors(1, of: 1))
        #expect(served.disk.waitForArrival())
        let write = ATARegisters(command: 0x34, count: 1, lba: 3)
        for _ in 0..<3 { try served.send(write, data: sectors(1, of: 2), tag: 77) }
        #expect(comesTrue { served.server.status.lost == 2 })
        served.disk.open()
        #expect(try #require(try served.receive()).header.tag == 1)
        #expect(try #require(try served.receive()).header.tag == 77)
        #expect(try served.receive(milliseconds: 100) == nil)
        #expect(served.server.status.lost == 2)
    }

    @Test func `what there is no room for is lost, and the server goes on`() throws {
        let served = try Served()
        served.disk.close()
        for number in 0..<400 {
            let write = ATARegisters(command: 0x34, count: 1, lba: UInt64(number))
            try served.send(write, data: sectors(1, of: 1))
        }
        #expect(comesTrue { served.server.status.lost > 0 })
        served.disk.open()
        var answers = 0
        // The last of them may be lost only now, and answers take their time.
        let isComplete = comesTrue {
            while (try? served.receive(milliseconds: 20)) != nil { answers += 1 }
            return answers + Int(served.server.status.lost) >= 400
        }
        #expect(isComplete && answers > 0 && answers + Int(served.server.status.lost) == 400)
        #expect(try served.ask(ATARegisters(command: 0x24, count: 1)).registers.command == 0x40)
    }

    @Test(arguments: [true, false])
    func `an error is the error of its request alone`(isImmediate: Bool) throws {
        let served = try Served(TestDisk(isImmediate: isImmediate))
        served.disk.spoil(512 * 3)
        for lba in 1...5 as ClosedRange<UInt64> {
            try served.send(ATARegisters(command: 0x24, count: 1, lba: lba))
        }
        var failed: [UInt64] = []
        for _ in 1...5 {
            let answer = try #require(try served.receive())
            guard answer.registers.command != 0x40 else { continue }
            failed.append(answer.registers.lba)
            #expect(answer.registers.feature == ATAError.uncorrectable.rawValue)
        }
        #expect(failed == [3])
        let write = ATARegisters(command: 0x34, count: 1, lba: 3)
        #expect(try served.ask(write, data: sectors(1, of: 1)).registers.command == 0x61)
    }

    @Test func `verifying reads and carries nothing`() throws {
        let served = try Served()
        let answer = try served.ask(ATARegisters(command: 0x42, count: 0, lba: 0))
        #expect(answer.registers.command == 0x40 && answer.data.count == 60 - 36)
        served.disk.spoil(512 * 3)
        #expect(
            try served.ask(ATARegisters(command: 0x42, count: 8, lba: 0)).registers.command == 0x41)
    }

    @Test func `a disk that grows is told of, and can be used`() throws {
        let served = try Served(TestDisk(sectors: 10))
        let read = ATARegisters(command: 0x24, count: 1, lba: 19)
        #expect(try served.ask(read).registers.command == 0x41)
        served.disk.grow(to: 20)
        #expect(try #require(try served.receive()).header.destination == .broadcast)
        #expect(try served.ask(read).registers.command == 0x40)
    }

    @Test func `strings and reservations outlive the server`() throws {
        let folder = "/tmp/causeway-aoe-\(Host.process)"
        try Files.makeDirectories(folder)
        defer {
            try? Files.remove("\(folder)/kept")
            try? Files.removeDirectory(folder)
        }
        let first = try Served(keptFile: "\(folder)/kept")
        try first.send(.config, AoEConfig(.set, text: Array("blue".utf8)).encoded)
        #expect(try #require(try first.receive()).header.error == 0)
        try first.send(.reserve, AoEReserveList(.set, [Bench.other]).encoded)
        #expect(try #require(try first.receive()).header.error == 0)
        first.server.stop(graceMilliseconds: 60_000)
        let second = try Served(keptFile: "\(folder)/kept")
        try second.send(ATARegisters(command: 0x24, count: 1))
        #expect(try #require(try second.receive()).header.error == 6)
        // Where nothing can be kept, that is the answer.
        let third = try Served(keptFile: "\(folder)/none/kept")
        try third.send(.config, AoEConfig(.set, text: [1]).encoded)
        #expect(try #require(try third.receive()).header.error == 3)
        // Nothing has changed then: no string to test, and the next one fails as well.
        try third.send(.config, AoEConfig(.testPrefix, text: [1]).encoded)
        try third.send(.config, AoEConfig(.set, text: [1]).encoded)
        #expect(try #require(try third.receive()).header.error == 3)
    }

    @Test func `stopping lets what has come be done`() throws {
        let served = try Served()
        served.disk.close()
        try served.send(ATARegisters(command: 0x34, count: 1, lba: 7), data: sectors(1, of: 7))
        #expect(served.disk.waitForArrival())
        served.disk.open()
        served.server.stop(graceMilliseconds: 60_000)
        #expect(served.disk.bytes[7 * 512] == 7)
        #expect(try #require(try served.receive()).registers.command == 0x40)
    }

    @Test func `what cannot be served is refused at the start`() throws {
        func error(_ change: (inout AoETargetConfiguration) -> Void) -> AoETargetError? {
            var configuration = AoETargetConfiguration(
                device: TestDisk(), address: Bench.disk, mac: Bench.target, mtu: 1500,
                identity: "test")
            change(&configuration)
            return #expect(throws: AoETargetError.self) {
                let (_, socket) = try Descriptors.socketPair(packets: true)
                _ = try AoEServer(configuration, socket: socket)
            }
        }
        #expect(error { $0.mtu = 533 } == .mtu(533))
        #expect(error { $0.address.slot = 0xff } == .address(.init(shelf: 1, slot: 0xff)))
        #expect(error { $0.device = TestDisk(sectors: 0) } == .tooSmall(0))
        let many = (0..<300).map { MACAddress($0 * 2) }
        #expect(error { $0.allowed = many } == .tooManyHosts(300, limit: 185))
    }

    @Test func `the count of buffers is what the kernel and the queue can hold`() throws {
        let (socket, _) = try Descriptors.socketPair(packets: true)
        let small = try AoEServer.buffers(of: socket, mtu: 1500)
        let jumbo = try AoEServer.buffers(of: socket, mtu: 9000)
        #expect(small > jumbo && small <= AoELimits.waiting && jumbo > 0)
        #expect(jumbo * 9000 <= (try PacketSocket.receiveBuffer(socket.raw)))
    }
}
