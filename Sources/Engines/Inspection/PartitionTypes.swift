/// Names of the partition types that people meet most.
enum PartitionTypes {
    /// The name of a type as `Partition.type` writes it; nil for rarer ones.
    static func name(_ type: String, in table: String) -> String? {
        switch table {
        case "dos", "gpt": names[type.lowercased()]
        case "bsd": bsd[type]
        default: nil
        }
    }

    private static let bsd: [String: String] = [
        "0x01": "swap", "0x07": "4.2BSD", "0x08": "MS-DOS", "0x0c": "ISO 9660", "0x0e": "vinum",
        "0x11": "ext2", "0x12": "NTFS", "0x1b": "ZFS",
    ]

    private static let names: [String: String] = [
        // MBR.
        "0x01": "FAT12", "0x04": "FAT16 below 32 MB", "0x05": "extended", "0x06": "FAT16",
        "0x07": "NTFS, exFAT or HPFS", "0x0b": "FAT32", "0x0c": "FAT32 (LBA)",
        "0x0e": "FAT16 (LBA)", "0x0f": "extended (LBA)", "0x11": "hidden FAT12",
        "0x17": "hidden NTFS or HPFS", "0x27": "Windows recovery", "0x42": "Windows dynamic disk",
        "0x4d": "QNX4", "0x4e": "QNX4", "0x4f": "QNX4", "0x63": "System V", "0x82": "Linux swap",
        "0x83": "Linux", "0x85": "Linux extended", "0x8e": "Linux LVM", "0xa5": "FreeBSD",
        "0xa6": "OpenBSD", "0xa8": "macOS UFS", "0xa9": "NetBSD", "0xaf": "HFS or HFS+",
        "0xb1": "QNX6", "0xb2": "QNX6", "0xb3": "QNX6", "0xbf": "Solaris", "0xeb": "BeOS",
        "0xee": "GPT protective", "0xef": "EFI system", "0xfb": "VMware VMFS",
        "0xfd": "Linux RAID",
        // GPT.
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI system",
        "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
        "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
        "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
        "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "Windows dynamic disk metadata",
        "af9b60a0-1431-4f62-bc68-3311714a69ad": "Windows dynamic disk data",
        "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
        "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM64)",
        "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
        "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
        "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
        "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
        "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
        "ca7d7ccb-63ed-4c53-861c-1742536059cc": "Linux LUKS",
        "48465300-0000-11aa-aa11-00306543ecac": "Apple HFS+",
        "7c3457ef-0000-11aa-aa11-00306543ecac": "Apple APFS",
        "426f6f74-0000-11aa-aa11-00306543ecac": "Apple boot",
        "516e7cb4-6ecf-11d6-8ff8-00022d09712b": "FreeBSD",
        "516e7cb6-6ecf-11d6-8ff8-00022d09712b": "FreeBSD UFS",
        "516e7cba-6ecf-11d6-8ff8-00022d09712b": "FreeBSD ZFS",
        "83bd6b9d-7f41-11dc-be0b-001560b84f0f": "FreeBSD boot",
        "6a898cc3-1dd2-11b2-99a6-080020736631": "Solaris usr or ZFS",
        "aa31e02a-400f-11db-9590-000c2911d1b8": "VMware VMFS",
        "9d275380-40ad-11db-bf97-000c2911d1b8": "VMware diagnostics",
        "cef5a9ad-73bc-4601-89f3-cdeeeee321a1": "QNX6",
    ]
}
