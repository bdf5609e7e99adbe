import Glibc
import Platform

/// A FUSE mount, served by this process, in front of a file system that the kernel's NFS server
/// cannot export itself.
final class PassThrough: Sendable {
    /// Ready for reading when the server has ended and closed every file.
    private let finished: OwnedFD

    /// Mounts at `target` and serves the file system mounted at `base` until the mount ends.
    init(
        base: String, target: String, driver: String, isReadOnly: Bool
    ) throws(SystemError) {
        let device = try Files.open("/dev/fuse", .readWrite)
        var flags: MountFlags = [.noSetUser, .noDevices, .noExecution]
        if isReadOnly { flags.insert(.readOnly) }
        try Mounts.attach(
            "causeway", at: target, type: "fuse", flags: flags,
            options: "fd=\(device.raw),rootmode=40000,user_id=0,group_id=0,"
                + "default_permissions,allow_other")
        let (reader, writer) = try Descriptors.pipe()
        finished = reader
        let traits = PassThroughTraits(driver: driver)
        try WorkerThread.start {
            PassThroughServer(device: device, base: base, traits: traits, isReadOnly: isReadOnly)
                .serve()
            withExtendedLifetime(writer) {}
        }
    }

    /// Lets the kernel read ahead as much as it asks for at once; it starts with 128 KiB.
    static func widenReadahead(of target: String) {
        guard let device = try? Files.status(target).device else { return }
        let name = BlockNode.name(of: device)
        try? Files.writeControl("/sys/class/bdi/\(name)/read_ahead_kb", "1024\n")
    }

    /// Waits, after the FUSE mount has gone, until the server has closed every file; bounded.
    func waitForEnd() throws(SystemError) {
        guard try Descriptors.waitReadable(finished.raw, milliseconds: 10_000) else {
            throw SystemError(errno: ETIMEDOUT, call: "end the pass-through")
        }
    }
}
