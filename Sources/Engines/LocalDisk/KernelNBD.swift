import Glibc
import NetlinkWire
public import Platform

/// A device of the kernel's NBD client: /dev/nbdN.
///
/// Source: drivers/block/nbd.c of Linux 6.1. One thread at a time.
public final class KernelNBD: AttachedDisk {
    /// What a server said in a handshake, and the connections on which it is over.
    public struct Connections: Sendable {
        /// The connections.
        public var sockets: [OwnedFD]
        /// Size of the export in bytes.
        public var size: UInt64
        /// The server's transmission flags.
        public var flags: UInt16
        /// Unit of addressing, in bytes.
        public var blockSize: UInt32

        /// Collects the four.
        public init(sockets: [OwnedFD], size: UInt64, flags: UInt16, blockSize: UInt32) {
            self.sockets = sockets
            self.size = size
            self.flags = flags
            self.blockSize = blockSize
        }
    }

    /// After so long a request counts as lost, and its connection as dead, in seconds.
    ///
    /// A flush may wait for a slow disk below; a server that has died is told at once, by its
    /// connections' end.
    static let timeoutSeconds: UInt64 = 120

    /// See `AttachedDisk`.
    public let way = AttachWay.nbd
    /// See `AttachedDisk`.
    public let path: String
    private let control: NBDControl
    private let index: UInt32
    private let owner: String
    /// Keeps the device from ending, and ends it with this process.
    private var keeper: OwnedFD?

    /// Why this host's kernel cannot; nil where it can.
    ///
    /// Loads the module where it can be loaded.
    public static func obstacle() -> AttachError? {
        do {
            _ = try findControl()
            return nil
        } catch { return error }
    }

    private static func findControl() throws(AttachError) -> NBDControl {
        guard Host.user == 0 else { throw .needsRoot("making a device of the kernel's NBD client") }
        if let control = try? NBDControl() { return control }
        let refusal = KernelModule.load("nbd")
        do throws(SystemError) { return try NBDControl() } catch {
            throw AttachError(
                .lacking,
                "this kernel has no NBD client (module nbd): \(refusal ?? "\(error)")",
                remedy: "Install the modules of the running kernel (\(Kernel.release())), such as "
                    + "linux-modules-extra, or boot a kernel that has CONFIG_BLK_DEV_NBD.")
        }
    }

    /// Makes a device of connections; blocks until it can be opened.
    ///
    /// - Parameter owner: who it belongs to, for `isOurs` after this process.
    public init(_ connections: Connections, owner: String) throws(AttachError) {
        let control = try Self.findControl()
        let unit = UInt64(connections.blockSize)
        let size = connections.size - connections.size % unit
        let device = NBDNetlink.Device(
            sockets: connections.sockets.prefix(NBDNetlink.connectionLimit).map(\.raw), size: size,
            blockSize: connections.blockSize, serverFlags: connections.flags,
            timeoutSeconds: Self.timeoutSeconds, owner: owner)
        index = try AttachError.wrap(.failed, "the kernel's NBD client refuses") {
            () throws(SystemError) in
            try withExtendedLifetime(connections) { () throws(SystemError) in
                try control.connect(device)
            }
        }
        self.control = control
        self.owner = owner
        path = "/dev/nbd\(index)"
        do throws(AttachError) { keeper = try DeviceNode(path).open(size: size) } catch {
            try? control.disconnect(index)
            throw error
        }
        // Where the kernel is too old for it, a dead session's device stays until `unmount`.
        try? control.disconnectOnClose(true, index, owner: owner)
    }

    /// See `AttachedDisk`.
    public func disconnect(claim: OwnedFD?) throws(AttachError) {
        try? control.disconnectOnClose(false, index, owner: owner)
        keeper = nil
        do throws(SystemError) {
            try withExtendedLifetime(claim) { () throws(SystemError) in
                try control.disconnect(index)
            }
        } catch {
            // Nobody is connected any more, which is what was wanted.
            guard Files.exists("/sys/block/nbd\(index)/pid") else { return }
            throw AttachError(
                .failed, "cannot disconnect \(path): \(error)",
                remedy: "`nbd-client -d \(path)` may.")
        }
    }

    /// See `AttachedDisk`.
    public func cut() { try? control.disconnect(index) }

    /// Disconnects a device that a session has left behind, where it still belongs to that session.
    public static func disconnect(path: String, owner: String) throws(AttachError) {
        let name = DeviceNode(path).name
        let backend = (try? Files.readText("/sys/block/\(name)/backend", limit: 4096)) ?? ""
        guard Files.exists("/sys/block/\(name)/pid"),
            backend.prefix(while: { $0 != "\n" }) == owner,
            let index = UInt32(name.dropFirst(3))
        else { return }
        let control = try findControl()
        try AttachError.wrap(.failed, "cannot disconnect \(path)") { () throws(SystemError) in
            try control.disconnect(index)
        }
    }
}
