import LocalDisk
import Platform
import Targets

/// What a session has made of its export on this host.
struct LocalAttachment {
    /// How.
    var way: AttachWay
    /// The device, or the file.
    var path: String
    /// The device; nil where only the file is there.
    var disk: (any AttachedDisk)?
    /// The folder of the file, mounted.
    var folder: String?
    /// Why there is no more than the file.
    var note: String?

    /// The attachment as others see it.
    var record: SessionRecord.Device {
        SessionRecord.Device(
            way: way.rawValue, path: path, isBlockDevice: disk != nil, note: note,
            target: nil, portal: nil)
    }
}

/// A door of the target process for this host's own kernel: what is handed to the process, and
/// what it is told about it.
struct LocalDoor {
    /// Becomes a descriptor of the process.
    var descriptor: OwnedFD
    /// What it is, by its number there.
    var plan: (Int32) -> TargetPlan.Attachment
}

/// Time limits of attaching and detaching on this host, in milliseconds.
enum LocalLimits {
    /// The handshakes with our own server.
    static let handshake: Int64 = 20_000
    /// How long a device may look busy, because something (udev, blkid) only looks at it.
    static let patience: Int64 = 3000
    /// The last flush of a device.
    static let flush: Int32 = 120_000
    /// The same, where the user forces.
    static let forcedFlush: Int32 = 5000
    /// Connections of the kernel's NBD client.
    static let connections = 4
}

extension SessionError {
    /// An error of the local device.
    static func device(_ error: AttachError) -> SessionError {
        let exit: Exit =
            switch error.kind {
            case .lacking: .environment
            case .busy: .busy
            case .failed: .failure
            }
        return SessionError(.device, error.cause, remedy: error.remedy, exit: exit)
    }
}
