import BlockDevice
import BlockDevices
import BlockFilters
import Platform

/// The device that a plan describes.
enum TargetStore {
    /// How long a disk may take to appear, in milliseconds.
    private static let deviceLimit: Int64 = 5_000

    /// Opens it: the store, and around it the window, the write protection and the recorder that
    /// the plan asks for; and the file below it all, where that is served as a whole.
    static func open(_ plan: TargetPlan) throws -> (device: any BlockDevice, file: FileDevice?) {
        var device = try base(plan)
        let file = device as? FileDevice
        let length = plan.length ?? device.size - min(device.size, plan.offset)
        guard BlockRange(offset: plan.offset, length: length).lies(within: device.size) else {
            throw TargetError(
                cause: "block: \(length) bytes at \(plan.offset) are not all there: the source has "
                    + "\(device.size)",
                remedy: "`causeway probe` shows where partitions end.")
        }
        let isWhole = plan.offset == 0 && length == device.size
        if !isWhole {
            device = try WindowDevice(device, offset: plan.offset, length: plan.length)
        }
        if plan.readOnly && device.can(.write) { device = ReadOnlyDevice(device) }
        guard let recording = plan.recording else {
            return (device, isWhole ? file : nil)
        }
        do throws(BlockLog.Failure) {
            // A record is of one size.
            return (try RecordingDevice(device, log: OwnedFD(taking: recording)), nil)
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
