/// The settings of a unit that MODE SENSE tells and MODE SELECT changes (SPC-4, 7.5; SBC-3, 6.5).
public struct SCSIModeSettings: Equatable, Sendable {
    /// Caching page: acknowledged writes may be volatile.
    public var writeCache: Bool
    /// Control page: sense data in descriptor format.
    public var descriptorSense = false
    /// Control page: software write protect.
    public var writeProtect = false

    /// Starts with the cache on or off, fixed sense data and no protection.
    public init(writeCache: Bool) { self.writeCache = writeCache }
}

/// Which values MODE SENSE asks for.
public enum SCSIModeControl: UInt8, Sendable {
    case current = 0
    case changeable = 1
    case initial = 2
    case saved = 3
}

/// Mode pages as bytes.
public enum SCSIModePage: UInt8, CaseIterable, Sendable {
    case readWriteErrorRecovery = 0x01
    case disconnectReconnect = 0x02
    case caching = 0x08
    case control = 0x0A
    case informationalExceptions = 0x1C

    /// Stands for all pages.
    public static let all: UInt8 = 0x3F
    /// Stands for all subpages.
    public static let allSubpages: UInt8 = 0xFF

    /// The page without subpage; nil where there is none.
    public func encoded(_ settings: SCSIModeSettings) -> [UInt8] {
        switch self {
        case .readWriteErrorRecovery: SCSIModePage.page(0x01, length: 10)
        case .disconnectReconnect: SCSIModePage.page(0x02, length: 14)
        case .caching: caching(settings)
        case .control: control(settings)
        case .informationalExceptions: SCSIModePage.page(0x1C, length: 10)
        }
    }

    /// The page with a 1 for each bit that MODE SELECT may change.
    public func changeable(cacheCanBeOff: Bool) -> [UInt8] {
        var bytes = encoded(SCSIModeSettings(writeCache: false))
        for index in 2..<bytes.count { bytes[index] = 0 }
        switch self {
        case .caching: bytes[2] = cacheCanBeOff ? 0x04 : 0
        case .control:
            bytes[2] = 0x04
            bytes[4] = 0x08
        default: break
        }
        return bytes
    }

    /// The settings that a page of MODE SELECT makes; bits that may not change have been compared.
    public func apply(_ bytes: some RandomAccessCollection<UInt8>, to old: SCSIModeSettings)
        -> SCSIModeSettings
    {
        let page = Array(bytes)
        var settings = old
        switch self {
        case .caching where page.count > 2: settings.writeCache = page[2] & 0x04 != 0
        case .control where page.count > 4:
            settings.descriptorSense = page[2] & 0x04 != 0
            settings.writeProtect = page[4] & 0x08 != 0
        default: break
        }
        return settings
    }

    private func caching(_ settings: SCSIModeSettings) -> [UInt8] {
        var bytes = SCSIModePage.page(0x08, length: 18)
        bytes[2] = settings.writeCache ? 0x04 : 0
        return bytes
    }

    private func control(_ settings: SCSIModeSettings) -> [UInt8] {
        var bytes = SCSIModePage.page(0x0A, length: 10)
        // TST 000b: one task set for all; D_SENSE.
        bytes[2] = settings.descriptorSense ? 0x04 : 0
        // Unrestricted reordering; QERR 00b.
        bytes[3] = 0x10
        bytes[4] = settings.writeProtect ? 0x08 : 0
        // Busy timeout: unlimited.
        bytes.put(UInt16(0xFFFF), at: 8)
        return bytes
    }

    private static func page(_ code: UInt8, length: UInt8) -> [UInt8] {
        [code, length] + [UInt8](repeating: 0, count: Int(length))
    }

    /// The control extension page, 0Ah subpage 01h: nothing set (SPC-4, 7.5.9).
    public static let controlExtension: [UInt8] =
        [0x4A, 0x01, 0x00, 0x1C] + [UInt8](repeating: 0, count: 28)
}
