import BlockDevices
import Bridge
import LocalDisk
import Platform
import Targets

/// An export as a device of this host.
extension Session {
    /// Starts the targets with a door for this host's kernel, and has the kernel make a device:
    /// in the way that was asked for, or in the first that works.
    func attachLocally(
        _ wanted: AttachRequest, _ start: (LocalDoor) throws(SessionError) -> TargetPlan
    ) throws(SessionError) {
        var refusals: [String] = []
        for way in wanted.way.map({ [$0] }) ?? AttachWay.allCases {
            do throws(SessionError) {
                local = try attach(way, asDevice: wanted.way == nil, start)
                var device = local.map(\.record)
                device?.target = record.device?.target
                device?.portal = record.device?.portal
                record.device = device
                return
            } catch {
                closeLocal()
                if wanted.way != nil { throw error }
                refusals.append("\(way.rawValue): \(error.cause). \(error.remedy)")
                log.note("attach: \(refusals.last ?? "")")
            }
        }
        throw SessionError(
            .device, "this host makes no block device of it",
            remedy: "`--attach file` gives the raw image as a file; --nbd and --iscsi give a URL.",
            details: refusals, exit: .environment)
    }

    private func attach(
        _ way: AttachWay, asDevice: Bool, _ start: (LocalDoor) throws(SessionError) -> TargetPlan
    ) throws(SessionError) -> LocalAttachment {
        let obstacle: AttachError? =
            switch way {
            case .nbd: KernelNBD.obstacle()
            case .iscsi: KernelISCSI.obstacle()
            case .file: LoopDisk.obstacle()
            }
        if let obstacle, way != .file || asDevice { throw .device(obstacle) }
        do {
            switch way {
            case .nbd: return try attachNBD(start)
            case .iscsi: return try attachISCSI(start)
            case .file: return try attachFile(obstacle: obstacle, start)
            }
        } catch let error as AttachError {
            throw .device(error)
        } catch let error as NBDError {
            throw SessionError(.device, error.cause, remedy: error.remedy)
        } catch let error as BridgeError {
            throw SessionError(
                .device, error.cause, remedy: error.remedy, exit: .environment)
        } catch { throw .any(error) }
    }

    private func attachNBD(
        _ start: (LocalDoor) throws(SessionError) -> TargetPlan
    ) throws -> LocalAttachment {
        let socket = "\(folder)/attach"
        let listener = try UnixSocket.listen(at: socket)
        // Whoever finds the name later finds nobody.
        defer { try? Files.remove(socket) }
        let plan = try start(
            LocalDoor(descriptor: listener) { .nbd(descriptor: $0) })
        let connections = try NBDHandover(
            path: socket, export: plan.name, connections: LocalLimits.connections,
            milliseconds: LocalLimits.handshake)
        let disk = try KernelNBD(
            KernelNBD.Connections(
                sockets: connections.sockets, size: connections.size, flags: connections.flags,
                blockSize: max(plan.logicalBlockSize, connections.minimumBlock)),
            owner: record.id)
        return LocalAttachment(way: .nbd, path: disk.path, disk: disk)
    }

    private func attachISCSI(
        _ start: (LocalDoor) throws(SessionError) -> TargetPlan
    ) throws -> LocalAttachment {
        let listener = try TCPListener.listen(host: "127.0.0.1", port: 0)
        let portal = "127.0.0.1:\(try TCPListener.port(of: listener))"
        let name = "\(ExportNames.authority):attach:\(record.id)"
        let credential = ExportAccess.Credential(
            user: "causeway", secret: Self.hexadecimal(Host.randomBytes(16)))
        _ = try start(
            LocalDoor(descriptor: listener) {
                .iscsi(descriptor: $0, name: name, credential: credential)
            })
        // Known before the login, so that whatever becomes of it can be undone.
        record.device = SessionRecord.Device(
            way: AttachWay.iscsi.rawValue, path: "", isBlockDevice: true, note: nil, target: name,
            portal: portal)
        publish()
        let disk = try KernelISCSI(
            KernelISCSI.Login(
                target: name, portal: portal, user: credential.user, secret: credential.secret))
        return LocalAttachment(way: .iscsi, path: disk.path, disk: disk)
    }

    private func attachFile(
        obstacle: AttachError?, _ start: (LocalDoor) throws(SessionError) -> TargetPlan
    ) throws -> LocalAttachment {
        DiskFile.prepareKernel()
        let place = "\(folder)/disk"
        try Files.makeDirectories(place, mode: 0o700)
        let name = Self.fileName(of: request)
        let plan: TargetPlan
        do {
            // The session's own copy is let go of: the folder then ends with the target process.
            let fuse = try FuseMount.open(
                mountpoint: place,
                options: FuseMountOptions(
                    source: request.source, readOnly: request.mode == .readOnly))
            localFolder = place
            let (user, group) = (request.user, request.group)
            plan = try start(
                LocalDoor(descriptor: fuse) {
                    .file(descriptor: $0, name: name, user: user, group: group)
                })
        }
        let file = "\(place)/\(name)"
        guard obstacle == nil else {
            return LocalAttachment(
                way: .file, path: file, folder: place,
                note: obstacle.map { "a file, not a device: \($0)" })
        }
        let disk = try LoopDisk(
            file: file, isWritable: request.mode != .readOnly, blockSize: plan.logicalBlockSize)
        log.note("\(disk.path): direct I/O \(disk.isDirect ? "on" : "off")")
        return LocalAttachment(way: .file, path: disk.path, disk: disk, folder: place)
    }

    /// A name for the file: the export's, as far as a file may have it.
    private static func fileName(of request: SessionRequest) -> String {
        let wanted = request.export?.name ?? request.source
        let last = wanted.split(separator: "/").last.map(String.init) ?? "disk"
        return last == "." || last == ".." ? "disk" : last
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// The kernel may have to write to the device in order to find memory: the processes behind it
    /// then must not wait for that themselves, nor be the ones that are killed.
    ///
    /// What is started from now on inherits both; only root makes devices.
    func prepareForMemoryPressure() {
        guard Host.user == 0 else { return }
        do throws(SystemError) { try IOFlusher.begin() } catch { log.note("\(error)") }
        do throws(SystemError) {
            try Files.writeControl("/proc/self/oom_score_adj", "-900")
        } catch { log.note("\(error)") }
    }
}
