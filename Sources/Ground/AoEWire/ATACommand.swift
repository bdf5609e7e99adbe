/// What an ATA command asks a disk for (ATA8-ACS, clause 7).
public enum ATACommand: Equatable, Sendable {
    /// IDENTIFY DEVICE.
    case identify
    /// READ SECTOR(S), READ DMA and their EXT forms.
    case read(lba: UInt64)
    /// WRITE SECTOR(S), WRITE DMA and their EXT forms; durable at once where forced (FUA EXT).
    case write(lba: UInt64, isForced: Bool)
    /// READ VERIFY SECTOR(S) and its EXT form.
    case verify(lba: UInt64)
    /// FLUSH CACHE and FLUSH CACHE EXT; STANDBY and STANDBY IMMEDIATE, which flush as well.
    case flush
    /// CHECK POWER MODE.
    case checkPower
    /// IDLE and IDLE IMMEDIATE: nothing to do.
    case idle
    /// SET FEATURES: switch the write cache.
    case setWriteCache(Bool)
    /// Anything else, SMART and security among it.
    case other

    /// Sorts the registers of a question.
    ///
    /// Addresses of commands without EXT have 28 bits; what the flag `.extended` says does not
    /// matter, as the command says the same.
    public init(_ registers: ATARegisters) {
        let short = registers.lba & 0x0fff_ffff
        switch registers.command {
        case 0xec: self = .identify
        case 0x20, 0x21, 0xc8, 0xc9: self = .read(lba: short)
        case 0x24, 0x25: self = .read(lba: registers.lba)
        case 0x30, 0x31, 0xca, 0xcb: self = .write(lba: short, isForced: false)
        case 0x34, 0x35: self = .write(lba: registers.lba, isForced: false)
        case 0x3d: self = .write(lba: registers.lba, isForced: true)
        case 0x40, 0x41: self = .verify(lba: short)
        case 0x42: self = .verify(lba: registers.lba)
        case 0xe7, 0xea, 0xe0, 0xe2: self = .flush
        case 0xe5: self = .checkPower
        case 0xe1, 0xe3: self = .idle
        case 0xef where registers.feature == 0x02: self = .setWriteCache(true)
        case 0xef where registers.feature == 0x82: self = .setWriteCache(false)
        default: self = .other
        }
    }
}
