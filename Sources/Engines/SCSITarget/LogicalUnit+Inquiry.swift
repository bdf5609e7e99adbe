import BlockDevice
import SCSIWire
import Synchronization

extension LogicalUnit {
    /// INQUIRY (SPC-4, 6.6).
    func inquiry(_ task: SCSITask, _ target: SCSITarget) throws(Refusal) -> [UInt8] {
        let page = task.block[2]
        guard task.block[1] & 0x01 != 0 else {
            guard page == 0 else { throw .field(2, bit: 7) }
            return SCSIInquiry(
                vendor: configuration.vendor, product: configuration.product,
                revision: configuration.revision, isRemovable: configuration.isRemovable
            ).encoded()
        }
        switch page {
        case 0x00: return SCSIVitalPage.supported(LogicalUnit.vitalPages)
        case 0x80: return SCSIVitalPage.serial(identity.serial)
        case 0x83: return SCSIVitalPage.identification(designators(target))
        case 0x86: return SCSIVitalPage.extended(volatileCache: hasCache)
        case 0x87: return SCSIVitalPage.modePolicy
        case 0x88:
            return SCSIVitalPage.ports(
                relative: target.portalGroup, [.name(target.portName, of: .port)])
        case 0x8F: return SCSIVitalPage.thirdPartyCopy
        case 0xB0: return limits.encoded
        case 0xB1:
            return SCSIVitalPage.characteristics(
                sanitizes: supports(.sanitizeBlockErase))
        case 0xB2: return SCSIVitalPage.provisioning(unmaps: isThin, readsZero: readsZero)
        default: throw .field(2, bit: 7)
        }
    }

    static let vitalPages: [UInt8] = [
        0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0x8F, 0xB0, 0xB1, 0xB2,
    ]

    /// The first 16 hexadecimal digits that name the unit in the world.
    var worldName: UInt64 { SCSIDesignator.localName(identity.number) }

    /// Names of the unit, of the port it is reached by, and of the target.
    func designators(_ target: SCSITarget) -> [SCSIDesignator] {
        [
            .local(identity.number),
            .vendor(configuration.vendor, identity.serial),
            .name("naa." + String(worldName, radix: 16, uppercase: true), of: .unit),
            .relativePort(target.portalGroup), .portGroup(target.portalGroup),
            .name(target.portName, of: .port), .name(target.name, of: .device),
        ]
    }

    /// Limits, as the code that keeps them has them.
    private var limits: SCSIBlockLimits {
        var limits = SCSIBlockLimits()
        let properties = device.properties
        let inBlocks = { (bytes: UInt32) in UInt32(UInt64(bytes) >> self.shift) }
        limits.compareAndWrite = configuration.compareLimit
        limits.granularity = UInt16(clamping: inBlocks(properties.physicalBlockSize))
        limits.transfer = UInt32(clamping: UInt64(configuration.transferLimit) >> shift)
        limits.optimalTransfer = min(inBlocks(properties.optimalTransfer), limits.transfer)
        limits.writeSame = LogicalUnit.writeSameLimit
        limits.atomicTransfer = configuration.atomicLimit
        guard isThin else { return limits }
        limits.unmapCount = .max
        limits.unmapDescriptors = UInt32(SCSIUnmapList.descriptorLimit)
        limits.unmapGranularity = inBlocks(max(properties.trimGranularity, 1 << UInt32(shift)))
        return limits
    }

    /// What READ CAPACITY tells.
    var capacity: SCSICapacity {
        let properties = device.properties
        let ratio = max(properties.physicalBlockSize / properties.logicalBlockSize, 1)
        return SCSICapacity(
            blocks: blocks, blockSize: properties.logicalBlockSize,
            physicalExponent: UInt8(ratio.trailingZeroBitCount), isThin: isThin,
            readsZero: readsZero)
    }

    /// READ CAPACITY(10): an address is only for PMI, which is not offered (SBC-3, 5.15).
    func readCapacity10(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        guard task.block[8] & 0x01 == 0 else { throw .field(8, bit: 0) }
        guard task.block.long(at: 2) == 0 else { throw .field(2, bit: 7) }
        return capacity.short
    }

    /// READ CAPACITY(16).
    func readCapacity16(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        guard task.block[14] & 0x01 == 0 else { throw .field(14, bit: 0) }
        guard task.block.quad(at: 2) == 0 else { throw .field(2, bit: 7) }
        return capacity.long
    }

    /// REQUEST SENSE (SPC-4, 6.39): what waits, or how far a sanitize is.
    func requestSense(_ task: SCSITask, _ link: Link) -> [UInt8] {
        let sense: SCSISense
        if let condition = link.takeAttention() {
            sense = SCSISense(.unitAttention, condition)
        } else {
            let (sanitize, isEjected) = state.withLock { ($0.sanitize, $0.isEjected) }
            sense =
                sanitize.sense
                ?? SCSISense(
                    isEjected ? .notReady : .noSense, isEjected ? .mediumNotPresent : .none)
        }
        return sense.encoded(descriptors: task.block[1] & 0x01 != 0)
    }

    /// Whether the unit takes writes at all.
    var isWritable: Bool { !configuration.isReadOnly && device.can(.write) }
}

extension SCSITarget {
    /// SCSI name of the target port (RFC 7143, 4.2.7.1 and 13.2).
    var portName: String {
        let digits = String(portalGroup, radix: 16)
        return "\(name),t,0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
