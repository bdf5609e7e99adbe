import Glibc
public import Platform

/// A loop device on a file: /dev/loopN.
///
/// Source: drivers/block/loop.c of Linux 6.1. It ends with this process, or, where somebody has it
/// open then, with the last who closes it. One thread at a time.
public final class LoopDisk: AttachedDisk {
    /// See `AttachedDisk`.
    public let way = AttachWay.file
    /// See `AttachedDisk`.
    public let path: String
    /// Whether the file below is read and written past its page cache.
    public let isDirect: Bool
    private var keeper: OwnedFD?

    /// How often somebody else may be faster with a free device.
    private static let attempts = 16
    /// From the order to end to the end, in milliseconds.
    private static let endLimit: Int64 = 5000

    /// Why this host's kernel cannot; nil where it can.
    ///
    /// Loads the module where it can be loaded.
    public static func obstacle() -> AttachError? {
        do throws(SystemError) {
            _ = try LoopControl.free()
            return nil
        } catch {
            if error.errno == ENOENT || error.errno == ENODEV || error.errno == ENXIO {
                let refusal = KernelModule.load("loop")
                if (try? LoopControl.free()) != nil { return nil }
                return AttachError(
                    .lacking,
                    "this kernel has no loop devices (module loop): \(refusal ?? "\(error)")",
                    remedy: "Load the module, or in a container pass /dev/loop-control in.")
            }
            if Host.user != 0 { return .needsRoot("making a loop device") }
            return AttachError(
                .lacking, "no loop device can be made: \(error)",
                remedy: "In a container, pass /dev/loop-control and the loop devices in.")
        }
    }

    /// Makes a device of a file; blocks until it can be opened and its partitions are known.
    ///
    /// - Parameter blockSize: unit of addressing in bytes: 512 or 4096.
    public init(file path: String, isWritable: Bool, blockSize: UInt32) throws(AttachError) {
        let (device, name) = try AttachError.wrap(
            .failed, "no loop device can be made of \(path)",
            remedy: "`losetup --list` shows who has them."
        ) { () throws(SystemError) in
            let file = try Files.open(path, isWritable ? .readWrite : .readOnly)
            return try Self.configure(file, isWritable, blockSize, path)
        }
        self.path = name
        keeper = device
        isDirect = (try? LoopControl.flags(device).contains(.directIO)) == true
    }

    private static func configure(
        _ file: OwnedFD, _ isWritable: Bool, _ blockSize: UInt32, _ path: String
    ) throws(SystemError) -> (OwnedFD, String) {
        var flags: LoopFlags = [.endsWhenClosed, .partitions, .directIO]
        if !isWritable { flags.insert(.readOnly) }
        var attempt = 0
        while true {
            attempt += 1
            let name = try LoopControl.free()
            do throws(SystemError) {
                let device = try Files.open(name, isWritable ? .readWrite : .readOnly)
                try LoopControl.configure(
                    device, file: file, blockSize: blockSize, flags: flags, name: path)
                return (device, name)
            } catch {
                if error.errno == EBUSY, attempt < attempts { continue }
                // Kernels before 6.8 refuse what later ones leave out.
                guard error.errno == EINVAL, flags.contains(.directIO) else { throw error }
                flags.remove(.directIO)
            }
        }
    }

    /// See `AttachedDisk`.
    public func disconnect(claim: OwnedFD?) throws(AttachError) {
        guard let device = claim ?? keeper else { return }
        keeper = nil
        try AttachError.wrap(.failed, "cannot end \(path)") { () throws(SystemError) in
            try LoopControl.clear(device)
        }
    }

    /// Waits until the device is no longer there; false where somebody still has it.
    public func isGone() -> Bool {
        let deadline = Clock.milliseconds() + Self.endLimit
        let place = "/sys/block/\(DeviceNode(path).name)/loop/backing_file"
        while Files.exists(place) {
            if Clock.milliseconds() >= deadline { return false }
            Clock.sleep(milliseconds: 20)
        }
        return true
    }

    /// See `AttachedDisk`: a file whose folder is gone answers with errors by itself.
    public func cut() {}
}
