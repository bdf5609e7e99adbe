import BlockDevices
import Bridge
import LocalDisk
import Platform

/// The disk in an image of another format than raw, to be read like a raw image of it.
///
/// The storage daemon alone reads image formats, in its sandbox. What it serves by NBD is a file
/// here: one of FUSE, whose folder is taken away again before anybody else could enter, so that
/// nothing is left to unmount however this process ends. libblkid can then read it, which knows
/// nothing but files. Not for data: every read is a round trip of two processes.
final class ImageDisk {
    /// The disk, open for reading; its size is the disk's.
    let descriptor: OwnedFD

    /// How long the daemon may take for a read, in milliseconds.
    private static let patience: Int64 = 30_000

    /// Opens the disk that a storage daemon serves on this socket.
    ///
    /// Blocks for as long as connecting and mounting take. `folder` is private to this user; an
    /// empty folder is made in it.
    init(socket: String, export: String, folder: String) throws(SessionError) {
        do {
            let device = try NBDDevice(
                path: socket,
                options: NBDDevice.Options(
                    export: export, isWritable: false, connections: 2,
                    timeoutMilliseconds: Self.patience))
            let file = DiskFile(
                device,
                appearance: DiskFile.Appearance(
                    name: "disk", user: Host.user, group: Host.group, isWritable: false))
            DiskFile.prepareKernel()
            let place = "\(folder)/disk"
            try Files.makeDirectories(place, mode: 0o700)
            let fuse = try FuseMount.open(
                mountpoint: place,
                options: FuseMountOptions(source: "causeway", readOnly: true))
            do {
                try file.serve(fuse)
                descriptor = try Files.open("\(place)/disk", .readOnly)
            } catch {
                try? FuseMount.unmount(mountpoint: place, lazy: true)
                throw error
            }
            // The open file keeps what the folder led to.
            try FuseMount.unmount(mountpoint: place, lazy: true)
        } catch let error as NBDError {
            throw SessionError(
                .storage, error.cause, remedy: error.remedy, exit: .environment)
        } catch let error as BridgeError {
            throw SessionError(
                .storage, "the image cannot be looked into: \(error.cause)",
                remedy: error.remedy, exit: .environment)
        } catch { throw .any(error) }
    }
}
