import CPlatform
import Glibc

/// How a loop device is made (LO_FLAGS_… of linux/loop.h).
public struct LoopFlags: OptionSet, Sendable {
    /// The bits of lo_flags.
    public let rawValue: UInt32
    /// Wraps the bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Nothing can be written.
    public static let readOnly = LoopFlags(rawValue: 1)
    /// It ends when nobody has it open.
    public static let endsWhenClosed = LoopFlags(rawValue: 4)
    /// Partitions become devices of their own.
    public static let partitions = LoopFlags(rawValue: 8)
    /// The file below is read and written past the page cache.
    public static let directIO = LoopFlags(rawValue: 16)
}

/// Loop devices: files as block devices; what loop(4) needs, CAP_SYS_ADMIN as a rule.
///
/// Every call may block for as long as the file below does.
public enum LoopControl {
    private static let control = "/dev/loop-control"

    /// The path of a device that nobody uses at this moment.
    public static func free() throws(SystemError) -> String {
        let control = try Files.open(control, .readWrite)
        return "/dev/loop\(try checked(cp_loop_free(control.raw), "find a free loop device"))"
    }

    /// Makes an open device show an open file; EBUSY where somebody was faster.
    ///
    /// - Parameters:
    ///   - blockSize: unit of addressing in bytes: a power of two, 512 to the size of a page.
    ///   - name: what `losetup` shows.
    public static func configure(
        _ device: OwnedFD, file: OwnedFD, blockSize: UInt32, flags: LoopFlags, name: String
    ) throws(SystemError) {
        try checked(
            cp_loop_configure(device.raw, file.raw, blockSize, flags.rawValue, name),
            "LOOP_CONFIGURE")
    }

    /// Ends a device: at once, or where others have it open, when the last of them closes it.
    public static func clear(_ device: OwnedFD) throws(SystemError) {
        try checked(cp_loop_clear(device.raw), "LOOP_CLR_FD")
    }

    /// How a device was made in the end: the kernel leaves out what does not work.
    public static func flags(_ device: OwnedFD) throws(SystemError) -> LoopFlags {
        var bits: UInt32 = 0
        try checked(cp_loop_flags(device.raw, &bits), "LOOP_GET_STATUS64")
        return LoopFlags(rawValue: bits)
    }
}

/// Facts of block devices that are not sizes.
public enum BlockNode {
    /// Whether nothing can be written to an open block device (BLKROGET).
    public static func isReadOnly(_ device: OwnedFD) throws(SystemError) -> Bool {
        try checked(cp_block_read_only(device.raw), "BLKROGET") == 1
    }

    /// The number of the block device that a path names, `major:minor`; nil where it names
    /// something else, or nothing.
    public static func number(at path: String) -> String? {
        var number: UInt64 = 0
        guard cp_block_number(path, &number) == 1 else { return nil }
        return name(of: number)
    }

    /// A device's number as the kernel's tables name it, `major:minor` (gnu_dev_major(3)).
    public static func name(of device: UInt64) -> String {
        "\(cp_device_major(device)):\(cp_device_minor(device))"
    }
}

extension Files {
    /// When an open file was made, in nanoseconds since the epoch; 0 where the file system does not
    /// know, and for devices.
    ///
    /// Source: statx(2), STATX_BTIME. With device and inode it names a file for good.
    public static func born(_ file: OwnedFD) -> Int64 {
        guard (try? status(file))?.kind == .file else { return 0 }
        return max(0, cp_file_born(file.raw))
    }
}

/// What a process does that the kernel's own writes may wait for.
public enum IOFlusher {
    /// Marks this thread, and every process and thread that it starts from now on.
    ///
    /// The kernel then never makes memory for them by waiting for dirty pages that they would have
    /// to write themselves (prctl(2), PR_SET_IO_FLUSHER). EPERM without CAP_SYS_RESOURCE, EINVAL
    /// before Linux 5.6.
    public static func begin() throws(SystemError) {
        try checked(cp_io_flusher(), "prctl PR_SET_IO_FLUSHER")
    }
}
