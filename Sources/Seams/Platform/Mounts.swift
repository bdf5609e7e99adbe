import CPlatform
import Glibc

/// Flags of mount(2).
public struct MountFlags: OptionSet, Sendable {
    /// The flags of mount(2).
    public let rawValue: UInt
    /// Wraps flags of mount(2).
    public init(rawValue: UInt) { self.rawValue = rawValue }
    /// MS_RDONLY.
    public static let readOnly = MountFlags(rawValue: 1)
    /// MS_NOSUID.
    public static let noSetUser = MountFlags(rawValue: 2)
    /// MS_NODEV: device nodes are shown, and cannot be opened.
    public static let noDevices = MountFlags(rawValue: 4)
    /// MS_NOEXEC.
    public static let noExecution = MountFlags(rawValue: 8)
    /// MS_NOATIME.
    public static let noAccessTimes = MountFlags(rawValue: 1024)
    /// MS_BIND: a second view of a folder that is there already.
    public static let bind = MountFlags(rawValue: 4096)
}

/// Mounting, where this process may: in the appliance, or in a namespace of its own.
public enum Mounts {
    /// mount(2).
    ///
    /// May block for as long as a device takes.
    public static func attach(
        _ source: String, at target: String, type: String, flags: MountFlags, options: String = ""
    ) throws(SystemError) {
        try checked(
            cp_mount(source, target, type, flags.rawValue, options.isEmpty ? nil : options),
            "mount \(source) as \(type)")
    }

    /// umount2(2) without force; EBUSY where something still uses the mount.
    ///
    /// Blocks while the file system writes its last blocks.
    public static func detach(_ target: String) throws(SystemError) {
        try checked(cp_umount(target, 0), "unmount \(target)")
    }
}
