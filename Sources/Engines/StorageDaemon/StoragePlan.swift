public import Platform

/// How the bytes of a source hold a disk.
///
/// Never guessed: a header that a guest wrote could name another.
public enum ImageFormat: String, Codable, Sendable, CaseIterable {
    /// The disk itself: an image file or a block device.
    case raw
    /// QEMU's copy-on-write image.
    case qcow2
    /// QEMU's older enhanced disk.
    case qed
    /// VMware's disk, in one file.
    case vmdk
    /// VirtualBox's disk.
    case vdi
    /// Hyper-V's disk.
    case vhdx
    /// Virtual PC's disk, also called VHD.
    case vpc
    /// Parallels' disk.
    case parallels
    /// Compressed loop image.
    case cloop
    /// Apple's disk image.
    case dmg

    /// Whether QEMU can write it.
    public var isWritable: Bool { self != .cloop && self != .dmg }
}

/// A part of the source that becomes one disk of the guest.
public struct DiskWindow: Sendable, Equatable {
    /// Where it begins, in bytes.
    public var offset: UInt64
    /// How long it is, in bytes; a rest of less than 512 bytes is left out.
    public var length: UInt64
    /// The file that takes the guest's writes; nil: the source takes them, or nothing does.
    ///
    /// One that does not exist is made. One that exists is gone on with, and must have been made
    /// for a window of this length over the same source.
    public var overlay: String?
    /// Whether the overlay outlasts what it is made for, and so has to be durable from the start.
    public var keepsOverlay = true

    /// Makes a window.
    public init(offset: UInt64, length: UInt64, overlay: String? = nil) {
        self.offset = offset
        self.length = length
        self.overlay = overlay
    }
}

/// To whom a storage daemon serves.
public enum StorageService: Sendable, Equatable {
    /// A guest: each window is a vhost-user-blk disk with a socket of its own.
    case guestDisks
    /// This host: the whole disk in the image, or the one window of the plan, is an NBD export,
    /// `StorageService.exportName`, on one socket, with as many connections as are made.
    ///
    /// A flush of one connection covers all of them.
    case nbd

    /// The name of the NBD export.
    public static let exportName = "disk"
}

/// What a storage daemon serves.
public struct StoragePlan: Sendable {
    /// The open source: a file or block device.
    ///
    /// It is served whatever its path comes to mean.
    public var source: OwnedFD
    /// Its format.
    public var format: ImageFormat
    /// Whether the source must not change; it is then opened without the right to write.
    public var readOnly: Bool
    /// The unit the guest must read and write in, in bytes: 512 or 4096.
    public var logicalSectorSize: UInt32
    /// The disks, in the guest's order; none: the whole of what the image holds is one.
    public var windows: [DiskWindow]
    /// A folder for the sockets, made with mode 0700 where absent.
    public var socketFolder: String
    /// To whom it is served.
    public var service: StorageService

    /// Makes a plan for a guest.
    public init(
        source: OwnedFD, format: ImageFormat, readOnly: Bool, logicalSectorSize: UInt32,
        windows: [DiskWindow], socketFolder: String
    ) {
        service = .guestDisks
        self.source = source
        self.format = format
        self.readOnly = readOnly
        self.logicalSectorSize = logicalSectorSize
        self.windows = windows
        self.socketFolder = socketFolder
    }

    /// Makes a plan for this host: the disk in an image, or a window of it, as an NBD export on one
    /// Unix socket.
    public init(
        nbdExportOf source: OwnedFD, format: ImageFormat, readOnly: Bool, window: DiskWindow? = nil,
        socketFolder: String
    ) {
        service = .nbd
        self.source = source
        self.format = format
        self.readOnly = readOnly
        logicalSectorSize = 512
        windows = window.map { [$0] } ?? []
        self.socketFolder = socketFolder
    }

    /// The most disks one daemon serves.
    public static let windowLimit = 26
}
