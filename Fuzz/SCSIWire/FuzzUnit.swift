import BlockDevice
import SCSIWire
import Synchronization

/// A target with two disks and three initiators, which gets commands, data and events one after
/// the other.
///
/// The first byte says what the first disk is like; then come steps. A step's first byte with bit
/// 7 is an event; without it a command: who sends it and where to, the command block as long as
/// its operation code says, and data: how many bytes follow (one byte), those bytes, and how much
/// is said to be sent, in units of 256 bytes, made of those bytes over and over (0: just them).
final class FuzzUnit {
    /// Most steps of one input.
    private static let stepLimit = 48

    let devices: [FuzzDevice]
    let target: SCSITarget
    private(set) var nexuses: [SCSINexus] = []
    private let background: FuzzBackground
    private var rest: Slice<UnsafeRawBufferPointer>
    /// Commands that were admitted and wait to be carried out.
    private var waiting: [FuzzCommand] = []

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let unit = try? FuzzUnit(input) else {
            preconditionFailure("a target could not be made")
        }
        var steps = 0
        while !unit.rest.isEmpty, steps < stepLimit {
            unit.step()
            steps += 1
        }
        unit.end()
    }

    private init(_ input: UnsafeRawBufferPointer) throws {
        let kind = input[0]
        rest = input[1...]
        var capabilities: BlockCapabilities = [.write, .immediateReads, .immediateWrites]
        if kind & 0x04 == 0 { capabilities.insert(.volatileCache) }
        if kind & 0x08 == 0 { capabilities.formUnion([.trim, .trimmedReadsZero, .extents]) }
        devices = [
            FuzzDevice(blockSize: kind & 0x01 == 0 ? 512 : 4096, capabilities),
            FuzzDevice(
                blockSize: 512, [.write, .volatileCache, .trim, .trimmedReadsZero, .extents]),
        ]
        let later = FuzzBackground()
        background = later
        if kind & 0x40 == 0 {
            target = SCSITarget(name: "iqn.a:t")
        } else {
            target = SCSITarget(name: "iqn.a:t", background: { later.take($0) })
        }
        var first = SCSIUnitConfiguration(device: devices[0], identity: "0")
        first.isReadOnly = kind & 0x02 != 0
        first.isRemovable = kind & 0x10 != 0
        first.atomicLimit = kind & 0x20 != 0 ? 8 : 0
        if kind & 0x80 != 0 {
            first.transferLimit = 1 << 14
            first.compareLimit = 2
            first.reservationFile = "/nowhere/file"
        }
        try target.add(first, lun: SCSITarget.lun(0))
        try target.add(
            SCSIUnitConfiguration(device: devices[1], identity: "1"), lun: SCSITarget.lun(1))
        for number in 0..<3 { nexuses.append(attach(number)) }
    }

    private func attach(_ number: Int) -> SCSINexus {
        let nexus = target.attach(
            SCSINexusName(
                initiator: "iqn.a:\(number)", session: UInt64(number), portalGroup: 1))
        nexus.onAbort { abort in
            guard abort.lun != SCSITarget.lun(5) else { preconditionFailure("no such unit") }
        }
        // Power on is told before anything else.
        for unit in 0..<2 {
            let hello = FuzzCommand(nexus, SCSITarget.lun(unit), [0, 0, 0, 0, 0, 0], [])
            _ = target.perform(
                target.prepare(hello.request, nexus: nexus), dataOut: hello.nothing,
                dataIn: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
        return nexus
    }

    private func next() -> UInt8 { rest.popFirst() ?? 0 }

    private func step() {
        let first = next()
        guard first & 0x80 == 0 else { return happen(Int(first & 0x0F), Int(first >> 4 & 3) % 3) }
        let lun: Int =
            switch first >> 2 & 3 {
            case 0, 2: 0
            case 1: 1
            default: 5
            }
        let opcode = rest.first ?? 0
        let length =
            switch opcode >> 5 {
            case 0: 6
            case 1, 2: 10
            case 4: 16
            default: 12
            }
        let block = Array(rest.prefix(length))
        rest = rest.dropFirst(length)
        let given = rest.dropFirst().prefix(Int(rest.first ?? 0))
        rest = rest.dropFirst(1 + given.count)
        let said = Int(next()) * 256
        var data = Array(given)
        if said > 0 {
            data = (0..<said).map { given.isEmpty ? 0 : given[given.startIndex + $0 % given.count] }
        }
        var command = FuzzCommand(nexuses[Int(first & 3) % 3], SCSITarget.lun(lun), block, data)
        if first & 0x20 != 0 { command.take = Int(next()) * 4 }
        command.triesNow = first & 0x10 != 0
        command.task = target.prepare(command.request, nexus: command.nexus)
        if first & 0x40 != 0, waiting.count < 8 { return waiting.append(command) }
        carryOut(command, isFresh: true)
    }

    private func happen(_ event: Int, _ number: Int) {
        let nexus = nexuses[number]
        switch event {
        case 0: target.reset(.logicalUnit(SCSITarget.lun(0)), by: nexus)
        case 1: target.reset(.targetWarm, by: nil)
        case 2:
            target.detach(nexus)
            nexuses[number] = attach(number)
        case 3: devices[0].resize(to: min(Int(next()) * 256, FuzzDevice.limit))
        case 4:
            let patience = Int(next() % 16)
            devices[0].state.withLock { $0.patience = patience }
        case 5: devices[0].state.withLock { $0.patience = nil }
        case 6: background.work()
        case 7:
            guard !waiting.isEmpty else { return }
            carryOut(waiting.removeFirst(), isFresh: false)
        case 8: target.abandon(nexus)
        case 9: target.commandsWereCleared(lun: SCSITarget.lun(0), of: nexus)
        case 10: devices[1].resize(to: min(Int(next()) * 256, FuzzDevice.limit))
        default: target.reset(.targetCold, by: nexus)
        }
    }

    private func carryOut(_ command: FuzzCommand, isFresh: Bool) {
        let check = FuzzCheck(self, command)
        background.defers(command.endsBeforeItsWork)
        let answer = command.carryOut(target)
        check.end(self, answer, isFresh: isFresh)
    }

    private func end() {
        while !waiting.isEmpty { carryOut(waiting.removeFirst(), isFresh: false) }
        background.work()
        for nexus in nexuses { target.detach(nexus) }
        for unit in target.logicalUnits { target.remove(lun: unit) }
    }
}

/// Work that goes on after its command: at once, or when it is asked for.
final class FuzzBackground: Sendable {
    private struct State {
        var defers = false
        var bodies: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    func defers(_ defers: Bool) { state.withLock { $0.defers = defers } }

    func take(_ body: @escaping @Sendable () -> Void) {
        let isLater = state.withLock { state in
            if state.defers { state.bodies.append(body) }
            return state.defers
        }
        if !isLater { body() }
    }

    func work() {
        let bodies = state.withLock { state in
            defer { state.bodies = [] }
            return state.bodies
        }
        for body in bodies { body() }
    }
}
