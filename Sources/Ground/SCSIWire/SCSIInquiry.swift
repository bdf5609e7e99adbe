/// Standard INQUIRY data (SPC-4, 6.6.2) of a disk.
public struct SCSIInquiry: Equatable, Sendable {
    /// Eight characters that name the vendor.
    public var vendor: String
    /// Sixteen characters that name the product.
    public var product: String
    /// Four characters that name its revision.
    public var revision: String
    /// Whether the medium can be taken out.
    public var isRemovable: Bool

    /// Names a disk.
    public init(vendor: String, product: String, revision: String, isRemovable: Bool) {
        self.vendor = vendor
        self.product = product
        self.revision = revision
        self.isRemovable = isRemovable
    }

    /// The standards that the code was written after (SPC-4, 6.6.2, table of version descriptors):
    /// SAM-5, iSCSI, SPC-4, SBC-3.
    static let standards: [UInt16] = [0x00A0, 0x0960, 0x0460, 0x04C0]

    /// 96 bytes; `exists` is false where no unit answers to the number that was asked.
    public func encoded(exists: Bool = true) -> [UInt8] {
        // Qualifier 3, type 1Fh: nothing is here, and nothing can be.
        var bytes: [UInt8] = [exists ? 0x00 : 0x7F]
        bytes.append(isRemovable ? 0x80 : 0x00)
        // SPC-4; HISUP and response data format 2.
        bytes += [0x06, 0x12, 91]
        // TPGS 01b (implicit) and 3PC in byte 5; CMDQUE in byte 7.
        bytes += [0x18, 0x00, 0x02]
        bytes.append(ascii: vendor, width: 8)
        bytes.append(ascii: product, width: 16)
        bytes.append(ascii: revision, width: 4)
        bytes += [UInt8](repeating: 0, count: 58 - 36)
        for standard in SCSIInquiry.standards { bytes.append(big: standard) }
        return bytes + [UInt8](repeating: 0, count: 96 - bytes.count)
    }
}

/// Vital product data pages (SPC-4, 7.8; SBC-3, 6.6).
public enum SCSIVitalPage {
    /// Puts a page's header before its content.
    public static func page(_ code: UInt8, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x00, code]
        bytes.append(big: UInt16(clamping: content.count))
        return bytes + content
    }

    /// Supported pages, 00h.
    public static func supported(_ codes: [UInt8]) -> [UInt8] { page(0x00, codes.sorted()) }

    /// Unit serial number, 80h.
    public static func serial(_ text: String) -> [UInt8] {
        var content: [UInt8] = []
        content.append(ascii: text, width: text.utf8.count)
        return page(0x80, content)
    }

    /// Device identification, 83h.
    public static func identification(_ designators: [SCSIDesignator]) -> [UInt8] {
        page(0x83, designators.flatMap(\.encoded))
    }

    /// Extended INQUIRY data, 86h: no protection information; all task attributes; a volatile
    /// cache is told where there is one; LU reset clears I_T nexus state only by unit attention.
    public static func extended(volatileCache: Bool) -> [UInt8] {
        var content = [UInt8](repeating: 0, count: 60)
        // HEADSUP, ORDSUP, SIMPSUP.
        content[1] = 0x07
        content[2] = volatileCache ? 0x01 : 0x00
        // LUICLR: unit attentions of one unit do not depend on another.
        content[3] = 0x01
        return page(0x86, content)
    }

    /// Mode page policy, 87h: every page is shared by all initiators.
    public static var modePolicy: [UInt8] { page(0x87, [0x3F, 0xFF, 0x00, 0x00]) }

    /// SCSI ports, 88h: one target port, with its designators.
    public static func ports(relative: UInt16, _ designators: [SCSIDesignator]) -> [UInt8] {
        var content: [UInt8] = [0, 0]
        content.append(big: relative)
        content += [0, 0, 0, 0, 0, 0]
        let names = designators.flatMap(\.encoded)
        content.append(big: UInt16(clamping: names.count))
        return page(0x88, content + names)
    }
}

/// Block limits, B0h (SBC-3, 6.6.3).
///
/// Counts are in logical blocks; 0 says that there is no limit or that the command does not exist.
public struct SCSIBlockLimits: Equatable, Sendable {
    /// Whether WRITE SAME refuses a count of 0.
    public var refusesEmptyWriteSame = false
    /// Most that COMPARE AND WRITE takes.
    public var compareAndWrite: UInt8 = 0
    /// Unit of transfers that avoids a read before a write.
    public var granularity: UInt16 = 0
    /// Most that one command transfers.
    public var transfer: UInt32 = 0
    /// Size of transfer that pays best.
    public var optimalTransfer: UInt32 = 0
    /// Most that one UNMAP takes away, in all.
    public var unmapCount: UInt32 = 0
    /// Most descriptors of one UNMAP.
    public var unmapDescriptors: UInt32 = 0
    /// Unit in which unmapping gives space back.
    public var unmapGranularity: UInt32 = 0
    /// Most that WRITE SAME writes.
    public var writeSame: UInt64 = 0
    /// Most that WRITE ATOMIC takes.
    public var atomicTransfer: UInt32 = 0

    /// Starts without any limit.
    public init() {}

    /// The page: 64 bytes.
    public var encoded: [UInt8] {
        var content = [UInt8](repeating: 0, count: 60)
        content[0] = refusesEmptyWriteSame ? 1 : 0
        content[1] = compareAndWrite
        content.put(granularity, at: 2)
        content.put(transfer, at: 4)
        content.put(optimalTransfer, at: 8)
        content.put(unmapCount, at: 16)
        content.put(unmapDescriptors, at: 20)
        content.put(unmapGranularity, at: 24)
        // UGAVALID: units begin at block 0.
        content.put(unmapGranularity == 0 ? 0 : UInt32(0x8000_0000), at: 28)
        content.put(writeSame, at: 32)
        content.put(atomicTransfer, at: 40)
        return SCSIVitalPage.page(0xB0, content)
    }
}

extension SCSIVitalPage {
    /// Block device characteristics, B1h: nothing rotates; form factor not told.
    ///
    /// Where BLOCK ERASE is offered (`sanitizes`), blocks can be read after it without being
    /// written first (WABEREQ 1).
    public static func characteristics(sanitizes: Bool) -> [UInt8] {
        var content = [UInt8](repeating: 0, count: 60)
        content.put(UInt16(1), at: 0)
        content[3] = sanitizes ? 0x40 : 0
        return page(0xB1, content)
    }

    /// Logical block provisioning, B2h (SBC-3, 6.6.4).
    ///
    /// `unmaps` is whether UNMAP and WRITE SAME with UNMAP take blocks away; `readsZero` whether
    /// such blocks read as zeros.
    public static func provisioning(unmaps: Bool, readsZero: Bool) -> [UInt8] {
        // LBPU, LBPWS, LBPWS10 and LBPRZ; then the type: 2 is thin.
        let flags: UInt8 = (unmaps ? 0xE0 : 0) | (unmaps && readsZero ? 0x04 : 0)
        return page(0xB2, [0, flags, unmaps ? 2 : 0, 0])
    }
}
