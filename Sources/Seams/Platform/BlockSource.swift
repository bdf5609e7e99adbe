import CPlatform
import Glibc

/// Sizes of a file or block device, in bytes.
public struct BlockGeometry: Equatable, Sendable {
    /// Total size.
    public var size: UInt64
    /// Smallest addressable unit.
    public var logicalSector: UInt32
    /// Unit that is written without a read before.
    public var physicalSector: UInt32
}

extension Files {
    /// Size and sector sizes of an open file (512/512) or block device (as the kernel says).
    public static func geometry(
        _ descriptor: OwnedFD
    ) throws(SystemError) -> BlockGeometry {
        let status = try status(descriptor)
        guard status.kind == .blockDevice else {
            return BlockGeometry(size: status.size, logicalSector: 512, physicalSector: 512)
        }
        var size: UInt64 = 0
        var logical: UInt32 = 0
        var physical: UInt32 = 0
        try checked(cp_block_size(descriptor.raw, &size), "BLKGETSIZE64")
        try checked(cp_block_sectors(descriptor.raw, &logical, &physical), "BLKSSZGET")
        return BlockGeometry(size: size, logicalSector: logical, physicalSector: physical)
    }

    /// Waits until a block device has its name below /dev; false where it has none in time.
    ///
    /// Asks again and again: without udev nobody tells.
    public static func waitForBlockDevice(_ path: String, milliseconds: Int64) -> Bool {
        let deadline = Clock.milliseconds() + milliseconds
        while (try? Files.status(path).kind) != .blockDevice {
            guard Clock.milliseconds() < deadline else { return false }
            Clock.sleep(milliseconds: 5)
        }
        return true
    }

    /// Claims an open file or device for its open file description, without waiting.
    ///
    /// The claim (flock(2), exclusive) ends when every descriptor of that open file is closed, so
    /// it cannot outlive the process. Returns false where another holds it.
    public static func claim(_ descriptor: OwnedFD) throws(SystemError) -> Bool {
        try checked(cp_claim(descriptor.raw), "flock") == 1
    }

    /// Whether another open file description holds a claim on this file.
    public static func isClaimed(_ descriptor: OwnedFD) throws(SystemError) -> Bool {
        try checked(cp_is_claimed(descriptor.raw), "flock") == 1
    }
}
