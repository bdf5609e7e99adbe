import BlockDevice
import ISCSITarget
import LocalDisk
import NBDServer
import NIOCore
import NIOPosix
import Platform
import SCSITarget

/// The door through which this host's own kernel comes to the device.
///
/// One thread at a time; the servers have threads of their own.
final class TargetAttachment {
    private var nbd: NBDServer?
    private var iscsi: ISCSIServer?
    private var file: DiskFile?

    /// Opens the door; `scsi` makes the device as initiators see it, where that is needed.
    init(
        _ door: TargetPlan.Attachment, plan: TargetPlan, device: any BlockDevice,
        group: MultiThreadedEventLoopGroup, pool: NIOThreadPool, memory: TargetMemory,
        scsi: () throws -> SCSITarget
    ) throws {
        switch door {
        case .nbd(let descriptor):
            let export = NBDExport(name: plan.name, device: device, isReadOnly: plan.readOnly)
            var configuration = NBDServerConfiguration(exports: [export], security: .off)
            memory.apply(to: &configuration)
            let server = try NBDServer(configuration: configuration, group: group, pool: pool)
            try server.start(on: [.socket(OwnedFD(taking: descriptor))])
            nbd = server
        case .iscsi(let descriptor, let name, let credential):
            var configuration = ISCSIServerConfiguration(targets: [
                ISCSITargetConfiguration(
                    name: name, alias: plan.name, device: try scsi(),
                    credentials: [
                        ISCSICredential(
                            user: credential.user, secret: Array(credential.secret.utf8))
                    ])
            ])
            memory.apply(to: &configuration)
            let server = ISCSIServer(configuration: configuration, group: group, pool: pool)
            try server.start(on: [.descriptor(OwnedFD(taking: descriptor))])
            iscsi = server
        case .file(let descriptor, let name, let user, let group):
            let file = DiskFile(
                device,
                appearance: .init(
                    name: name, user: user, group: group, isWritable: device.can(.write)))
            try file.serve(OwnedFD(taking: descriptor))
            self.file = file
        }
    }

    /// Adds what the kernel has done.
    func add(to figures: inout TargetFigures) {
        if let status = nbd?.status {
            figures.add(read: status.bytesRead, written: status.bytesWritten)
        }
        if let status = iscsi?.status {
            figures.add(read: status.bytesRead, written: status.bytesWritten)
        }
        if let (read, written) = file?.figures {
            figures.add(read: read, written: written)
        }
    }

    /// Lets the kernel finish; a folder's end is its unmount, which the session sees to before.
    func stop(milliseconds: Int64) {
        nbd?.stop(graceMilliseconds: Int(milliseconds))
        iscsi?.stop(graceMilliseconds: Int(milliseconds))
    }
}
