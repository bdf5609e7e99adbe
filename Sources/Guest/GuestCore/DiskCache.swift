import Glibc
import GuestWire
import Platform

/// The cache that a disk of the guest has on the host.
///
/// QEMU's storage daemon keeps what is written until it is told to flush. Its disks say at first
/// that they write through all the same: VIRTIO_BLK_F_CONFIG_WCE with `writeback` 0 (virtio 1.2,
/// 5.2.5), and Linux flushes no such disk. So whoever writes says first what the disk is.
enum DiskCache {
    private static let wanted = "write back"

    /// Has the kernel flush a disk, where it can be written, when it makes data durable.
    ///
    /// - Throws: where the kernel still takes the disk for one that needs no flush: what it then
    ///   called durable would not be.
    static func flush(_ device: String) throws(GuestFailure) {
        let folder = "/sys/block/\(device)"
        do {
            if try Files.readText("\(folder)/ro", limit: 16).hasPrefix("1") { return }
            if try isFlushed(folder) { return }
            try Files.writeControl("\(folder)/cache_type", "\(wanted)\n")
            if try isFlushed(folder) { return }
        } catch {
            throw GuestFailure(
                step: .device, errno: error.errno,
                message: "the guest's kernel cannot be told to flush \(device) (\(error))")
        }
        throw GuestFailure(
            step: .device, errno: EIO,
            message: "the guest's kernel does not flush \(device), although it was told to")
    }

    /// Has the kernel flush every virtio disk that can be written, once the first is there.
    static func flushAll() throws(GuestFailure) {
        _ = Files.waitForBlockDevice(
            "/dev/vda", milliseconds: ExportTable.Limits.deviceMilliseconds)
        let disks: [String]
        do { disks = try Files.list("/sys/block").filter { $0.hasPrefix("vd") } } catch {
            throw GuestFailure(
                step: .device, errno: error.errno,
                message: "the guest's disks cannot be listed (\(error))")
        }
        for disk in disks.sorted() { try flush(disk) }
    }

    private static func isFlushed(_ folder: String) throws(SystemError) -> Bool {
        try Files.readText("\(folder)/queue/write_cache", limit: 64).hasPrefix(wanted)
    }
}
