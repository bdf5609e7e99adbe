import Glibc
import Platform

/// How the host's own kernel uses a source.
enum HostUse: Equatable {
    /// Mounted on this folder.
    case mounted(String)
    /// Attached to a loop device, which can write.
    case loop(String)
    /// In another way: swap, RAID, device mapper, a mounted partition.
    case held

    /// What the kernel does with it.
    var words: String {
        switch self {
        case .mounted(let folder): "it is mounted on \(folder)"
        case .loop(let device): "it is attached to \(device)"
        case .held: "it, or a part of it, is mounted, or serves as swap, RAID or a mapped device"
        }
    }

    /// How to end the use.
    var remedy: String {
        switch self {
        case .mounted(let folder): "`umount \(folder)` first."
        case .loop(let device): "`losetup --detach \(device)` first."
        case .held: "`lsblk` shows how; end it first."
        }
    }

    /// How a block device that the kernel does not give away is used.
    ///
    /// - Parameter name: the device as the kernel's tables name it, `major:minor`.
    static func ofDevice(_ name: String) -> HostUse {
        MountTable.mountpoint(ofDevice: name).map(HostUse.mounted) ?? .held
    }

    /// Whether the kernel uses a file or a block device now.
    static func isInUse(_ path: String) -> Bool {
        guard let status = try? Files.status(path) else { return false }
        guard status.kind == .blockDevice else { return ofFile(status, readOnlyToo: true) != nil }
        do { _ = try Files.open(path, [.readOnly, .nonblocking, .exclusive]) } catch {
            return error.errno == EBUSY
        }
        return false
    }

    /// The loop device that writes to a file, or may; nil where there is none.
    ///
    /// - Parameter readOnlyToo: also one that only reads.
    static func ofFile(_ status: FileStatus, readOnlyToo: Bool = false) -> HostUse? {
        guard status.kind == .file else { return nil }
        let devices = ((try? Files.list("/sys/block")) ?? []).filter { $0.hasPrefix("loop") }
        let holder = devices.first { name in
            guard
                readOnlyToo
                    || (try? Files.readText("/sys/block/\(name)/ro"))?.hasPrefix("0") == true,
                let path = try? Files.readText("/sys/block/\(name)/loop/backing_file"),
                let backing = try? Files.status(String(path.prefix { $0 != "\n" }))
            else { return false }
            return backing.device == status.device && backing.inode == status.inode
        }
        return holder.map { .loop("/dev/\($0)") }
    }
}
