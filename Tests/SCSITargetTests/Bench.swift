import BlockDevice
import SCSITarget
import SCSIWire
import Synchronization

/// A target with one disk and one initiator, and short words for what it is asked.
struct Bench {
    let device: TestDevice
    let target: SCSITarget
    let nexus: SCSINexus
    static let name = "iqn.2026-11.example:disk"
    static let lun = SCSITarget.lun(0)

    /// How a command ended, and what it had for the initiator.
    struct Answer: Equatable {
        var status: UInt8
        /// Sense key and condition, as `0x05_2400`; nil for none.
        var sense: UInt32?
        var data: [UInt8]
        /// Bytes that the command had, before the initiator's limit.
        var count: Int
        var rawSense: [UInt8]

        var isGood: Bool { status == SCSIStatus.good }
    }

    init(
        _ device: TestDevice = TestDevice(),
        _ configure: (inout SCSIUnitConfiguration) -> Void = { _ in }
    ) throws {
        self.device = device
        target = SCSITarget(name: Bench.name)
        var configuration = SCSIUnitConfiguration(device: device, identity: "test disk")
        configure(&configuration)
        try target.add(configuration, lun: Bench.lun)
        nexus = Bench.attach(target, 1)
    }

    /// Another initiator, whose unit attention of power on is taken already.
    static func attach(_ target: SCSITarget, _ number: UInt64) -> SCSINexus {
        let nexus = target.attach(
            SCSINexusName(
                initiator: "iqn.2026-11.example:initiator", session: number, portalGroup: 1))
        _ = Bench.run(target, nexus, [0x00])
        return nexus
    }

    func another(_ number: UInt64 = 2) -> SCSINexus { Bench.attach(target, number) }

    /// Sends a command.
    @discardableResult
    func send(
        _ cdb: [UInt8], _ data: [UInt8] = [], from nexus: SCSINexus? = nil, take: Int = 1 << 16,
        lun: UInt64 = Bench.lun
    ) -> Answer {
        Bench.run(target, nexus ?? self.nexus, cdb, data, take: take, lun: lun)
    }

    static func run(
        _ target: SCSITarget, _ nexus: SCSINexus, _ cdb: [UInt8], _ data: [UInt8] = [],
        take: Int = 1 << 16, lun: UInt64 = Bench.lun
    ) -> Answer {
        let request = SCSIRequest(
            lun: lun, cdb: cdb, expectedIn: data.isEmpty ? take : 0, expectedOut: data.count)
        let task = target.prepare(request, nexus: nexus)
        let given = Array(data.prefix(task.dataOut))
        var buffer = [UInt8](repeating: 0xEE, count: min(task.dataIn, take))
        let outcome = given.withUnsafeBytes { out in
            buffer.withUnsafeMutableBytes { target.perform(task, dataOut: out, dataIn: $0) }
        }
        return Answer(
            status: outcome.status, sense: Bench.sense(outcome.sense),
            data: Array(buffer.prefix(outcome.dataIn)), count: outcome.dataIn,
            rawSense: outcome.sense)
    }

    /// Key and condition of sense data in either format.
    static func sense(_ bytes: [UInt8]) -> UInt32? {
        guard let first = bytes.first else { return nil }
        let isFixed = first & 0x7F == 0x70
        let (key, code, qualifier) =
            isFixed ? (bytes[2], bytes[12], bytes[13]) : (bytes[1], bytes[2], bytes[3])
        return UInt32(key) << 16 | UInt32(code) << 8 | UInt32(qualifier)
    }

    static func block(_ byte: UInt8, _ count: Int = 1, size: Int = 512) -> [UInt8] {
        [UInt8](repeating: byte, count: count * size)
    }

    func content(_ address: Int, _ count: Int = 1) -> [UInt8] {
        device.state.withLock { Array($0.bytes[address * 512..<(address + count) * 512]) }
    }
}

/// Command blocks by name.
enum CDB {
    static func ten(
        _ opcode: UInt8, _ address: UInt32, _ count: UInt16, flags: UInt8 = 0, group: UInt8 = 0
    ) -> [UInt8] {
        [opcode, flags] + big(UInt64(address), 4) + [group] + big(UInt64(count), 2) + [0]
    }

    static func twelve(
        _ opcode: UInt8, _ address: UInt32, _ count: UInt32, flags: UInt8 = 0
    ) -> [UInt8] {
        [opcode, flags] + big(UInt64(address), 4) + big(UInt64(count), 4) + [0, 0]
    }

    static func sixteen(
        _ opcode: UInt8, _ address: UInt64, _ count: UInt32, flags: UInt8 = 0
    ) -> [UInt8] {
        [opcode, flags] + big(address, 8) + big(UInt64(count), 4) + [0, 0]
    }

    static func compareAndWrite(_ address: UInt64, _ count: UInt8, flags: UInt8 = 0) -> [UInt8] {
        [0x89, flags] + big(address, 8) + [0, 0, 0, count, 0, 0]
    }

    static func inquiry(page: UInt8? = nil, length: UInt16 = 512) -> [UInt8] {
        [0x12, page == nil ? 0 : 1, page ?? 0] + big(UInt64(length), 2) + [0]
    }

    static func modeSense(_ page: UInt8, sub: UInt8 = 0, control: UInt8 = 0, length: UInt8 = 255)
        -> [UInt8]
    {
        [0x1A, 0, control << 6 | page, sub, length, 0]
    }

    static func reserveIn(_ action: UInt8, length: UInt16 = 4096) -> [UInt8] {
        [0x5E, action, 0, 0, 0, 0, 0] + big(UInt64(length), 2) + [0]
    }

    static func big(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { place -> UInt8 in
            let shift = 8 * (size - 1 - place)
            return shift < 64 ? UInt8(truncatingIfNeeded: value >> UInt64(shift)) : 0
        }
    }
}
