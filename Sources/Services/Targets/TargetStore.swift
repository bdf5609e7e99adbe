import BlockDevice
import BlockDevices
import BlockFilters
import Platform

/// The device that a plan describes.
enum TargetStore {
    /// How long a disk may take to appear, in milliseconds.
    private static let deviceLimit: Int64 = 5_000

    /// Opens it: the store, and around it the window, the write protection and the recorder that
    /// the plan asks for.
    static func open(_ plan: TargetPlan) throws -> any BlockDevice {
        var device = try base(plan)
        let length = plan.length ?? device.size - min(device.size, plan.offset)
        guard BlockRange(offset: plan.offset, length: length).lies(within: device.size) else {
            throw TargetError(
                cause: "block: \(length) bytes at \(plan.offset) are not all there: the source has "
                    + "\(device.size)",
                remedy: "`causeway probe` shows where partitions end.")
        }
        if plan.offset != 0 || length != device.size {
            device = try WindowDevice(device, offset: plan.offset, length: plan.length)
        }
        if plan.readOnly && device.can(.write) { device = ReadOnlyDevice(device) }
        guard let recording = plan.recording else { return device }
        do throws(BlockLog.Failure) {
            return try RecordingDevice(device, log: OwnedFD(taking: recording))
        } catch {
            throw TargetError(
                cause: "block: cannot record: \(error)",
                remedy: "--record takes the name of a file that does not exist yet.")
        }
    }

    private static func base(_ plan: TargetPlan) throws -> any BlockDevice {
        switch plan.store {
        case .descriptor(let raw): return try file(OwnedFD(taking: raw), plan)
        case .device(let path):
            return try file(try openDevice(path, isWritable: !plan.readOnly), plan)
        case .daemon(let socket, let name):
            return try NBDDevice(
                path: socket,
                options: .init(
                    export: name, isWritable: !plan.readOnly,
                    logicalBlockSize: plan.logicalBlockSize))
        }
    }

    private static func file(_ file: OwnedFD, _ plan: TargetPlan) throws -> FileDevice {
        try FileDevice(
            file,
            options: .init(
                isWritable: !plan.readOnly, logicalBlockSize: plan.logicalBlockSize,
                physicalBlockSize: plan.physicalBlockSize))
    }

    private static func openDevice(_ path: String, isWritable: Bool) throws -> OwnedFD {
        guard Files.waitForBlockDevice(path, milliseconds: deviceLimit) else {
            throw TargetError(
                cause: "the block device \(path) did not appear in the guest",
                remedy: "`causeway logs` has the guest kernel's words.")
        }
        return try Files.open(path, isWritable ? .readWrite : .readOnly)
    }
}
