import Bridge
import LocalDisk
import Platform
import Sandbox
import Targets

/// The disk in an image of another format than raw, to be read like a raw image of it.
///
/// The storage daemon alone reads image formats, in its sandbox; libblkid reads nothing but files.
/// So a target process, in a sandbox too, shows what the daemon serves as a file of FUSE. It has to
/// be another process than the reader: one that reads what it serves itself cannot be killed, since
/// the kernel waits for an answer that nobody is left to give. The folder is taken away as soon as
/// the file is open, and nobody else can enter meanwhile. Not for data: every read is a round trip
/// of three processes.
final class ImageDisk {
    /// The disk, open for reading; its size is the disk's.
    let descriptor: OwnedFD
    private let server: TargetHandle

    /// Where the target process finds the storage daemon's socket.
    private static let socketInside = "/run/storage"
    private static let fileName = "disk"

    /// Opens the disk that a storage daemon serves on this socket.
    ///
    /// Blocks for as long as connecting and mounting take. `folder` is private to this user; the
    /// folder of `place` is made in it.
    init(socket: String, export: String, folder: String, log: Int32) throws(SessionError) {
        let place = Self.place(in: folder)
        do {
            DiskFile.prepareKernel()
            try Files.makeDirectories(place, mode: 0o700)
            server = try Self.serve(socket, export, at: place, log: log)
        } catch let error as BridgeError {
            throw SessionError(
                .storage, "the image cannot be looked into: \(error.cause)",
                remedy: error.remedy, exit: .environment)
        } catch { throw .any(error) }
        do {
            descriptor = try Files.open("\(place)/\(Self.fileName)", .readOnly)
            // The open file keeps what the folder led to.
            try FuseMount.unmount(mountpoint: place, lazy: true)
        } catch {
            server.kill()
            Self.sweep(folder)
            throw .any(error)
        }
    }

    deinit { server.kill() }

    /// Mounts the folder and starts the process that serves it, which alone keeps it alive.
    private static func serve(
        _ socket: String, _ export: String, at place: String, log: Int32
    ) throws -> TargetHandle {
        var plan = TargetPlan(
            store: .daemon(socket: socketInside, name: export), readOnly: true, name: fileName,
            identity: fileName, iscsiName: "")
        plan.attachment = .file(
            descriptor: 4, name: fileName, user: Host.user, group: Host.group)
        let fuse = try FuseMount.open(
            mountpoint: place, options: FuseMountOptions(source: "causeway", readOnly: true))
        do {
            return try withExtendedLifetime(fuse) {
                try TargetHandle.start(
                    plan, descriptors: [fuse.raw], grants: [.socket(socket, at: socketInside)],
                    log: log)
            }
        } catch {
            try? FuseMount.unmount(mountpoint: place, lazy: true)
            throw error
        }
    }

    /// The folder in which the file is, for a moment.
    private static func place(in folder: String) -> String { "\(folder)/disk" }

    /// Takes away what a process that was killed at that moment has left mounted.
    static func sweep(_ folder: String) {
        let place = place(in: folder)
        guard MountTable.isMounted(place) else { return }
        try? FuseMount.unmount(mountpoint: place, lazy: true)
    }
}
