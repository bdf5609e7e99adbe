import Inspection
import LocalDisk
import Platform
import Sandbox
import StorageDaemon
import Targets

extension Session {
    /// Makes blocks attachable: no guest is involved.
    ///
    /// On an error everything that was started is for `abandon` to end.
    func attachExport(announce: @escaping (String) -> Void) throws(SessionError) {
        guard let export = request.export else { return }
        var clock = PhaseClock(announce: announce)
        clock.begin("inspect")
        let names = ExportNames(export, source: request.source)
        if export.attach != nil { prepareForMemoryPressure() }
        let plan = try planExport(export, names: names)
        let others = registry.list().filter { $0.id != record.id && $0.state != .dead }
        let listeners = try ExportListeners(
            export, taken: others.flatMap { $0.urls ?? [] },
            sockets: ExportSockets(registry: registry))
        listenerPaths = listeners.paths
        record.sockets = listeners.paths
        // Known before anything else can end this process.
        publish()
        let recording = try Recording(export.recording)
        clock.begin("start")
        if let attach = export.attach {
            try attachLocally(attach) { door throws(SessionError) in
                try startTargets(plan, listeners, export, recording, door: door)
            }
        } else {
            _ = try startTargets(plan, listeners, export, recording, door: nil)
        }
        recording?.isKept = true
        record.urls = listeners.all.map {
            names.url($0.protocol, at: $0.address, tls: export.access.tls != nil)
        }
        clock.end()
        record.phases = clock.phases
        record.state = .usable
        publish()
        let places = (record.device.map { [$0.path] } ?? []) + (record.urls ?? [])
        log.note("exported as \(places.joined(separator: ", "))")
    }

    /// Starts the target process on the listeners and the door for this host's kernel; returns the
    /// plan that it got.
    private func startTargets(
        _ planned: TargetPlan, _ listeners: ExportListeners, _ export: ExportRequest,
        _ recording: Recording?, door: LocalDoor?
    ) throws(SessionError) -> TargetPlan {
        var plan = planned
        // 3 is the plan's own channel.
        var descriptors: [Int32] = []
        var grants: [SandboxedProgram.Grant] = []
        switch plan.store {
        case .descriptor:
            plan.store = .descriptor(4)
            descriptors.append(source.descriptor.raw)
        case .daemon(let socket, let name):
            plan.store = .daemon(socket: Self.storageSocket, name: name)
            grants.append(.socket(socket, at: Self.storageSocket))
        }
        let isISCSI = door.map { if case .iscsi = $0.plan(-1) { true } else { false } } ?? false
        if isISCSI || export.endpoints.contains(where: { $0.protocol != .nbd }) {
            grants.append(.folder(try makeReservationFolder(), at: "/state"))
            plan.reservations = "/state/reservations"
        }
        let early = export.answersEarly
        plan.link = listeners.all.compactMap { LinkListener.plan($0, answersEarly: early) }.first
        for listener in listeners.all {
            plan.listeners.append(
                .init(descriptor: 4 + Int32(descriptors.count), protocol: listener.protocol))
            descriptors.append(listener.socket.raw)
        }
        if let recording {
            plan.recording = 4 + Int32(descriptors.count)
            descriptors.append(recording.file.raw)
        }
        if let door {
            plan.attachment = door.plan(4 + Int32(descriptors.count))
            descriptors.append(door.descriptor.raw)
        }
        let held = (listeners, recording, door)
        let targets = try withExtendedLifetime(held) { () throws(SessionError) in
            try TargetHandle.start(plan, descriptors: descriptors, grants: grants, log: log.raw)
        }
        self.targets = targets
        record.processes["targets"] = targets.process.id
        return plan
    }

    /// Where the target process finds the storage daemon's socket.
    private static let storageSocket = "/run/storage"

    /// What clients leave for longer than a session lasts (SCSI's persistent reservations, AoE's
    /// configuration string and reservations) is kept for the source.
    private func makeReservationFolder() throws(SessionError) -> String {
        let name = OverlayStore.name(ofSource: request.source)
        let folder = "\(request.folders.state)/reservations/\(name)"
        try SessionError.wrap(.target, "cannot make \(folder)") { () throws(SystemError) in
            try Files.makeDirectories(folder, mode: 0o700)
        }
        return folder
    }

    private func planExport(
        _ export: ExportRequest, names: ExportNames
    ) throws(SessionError) -> TargetPlan {
        let geometry = try SessionError.wrap(.source, "cannot measure \(request.source)") {
            () throws(SystemError) in try Files.geometry(source.descriptor)
        }
        var plan = TargetPlan(
            store: .descriptor(-1), readOnly: request.mode == .readOnly, name: names.name,
            identity: "\(request.source)\n\(source.identity)", iscsiName: names.iscsi)
        plan.logicalBlockSize = export.sectorSize ?? geometry.logicalSector
        plan.physicalBlockSize = max(plan.logicalBlockSize, geometry.physicalSector)
        plan.access = export.access
        guard geometry.size >= UInt64(plan.logicalBlockSize) else {
            throw SessionError(
                .source,
                "\(request.source) holds less than one sector of \(plan.logicalBlockSize) bytes",
                remedy: "Check that it is the right file.", exit: .sourceUnusable)
        }
        var range: (offset: UInt64, length: UInt64) = (0, geometry.size)
        if let partition = request.partition { range = try findPartition(partition) }
        guard let storage = try planStorage(export, range: range, size: geometry.size) else {
            (plan.offset, plan.length) = range
            return plan
        }
        plan.store = .daemon(
            socket: try startStorage(storage), name: StorageService.exportName)
        return plan
    }

    /// What a storage daemon is needed for; nil where the source's bytes are the disk.
    private func planStorage(
        _ export: ExportRequest, range: (offset: UInt64, length: UInt64), size: UInt64
    ) throws(SessionError) -> StoragePlan? {
        guard let format = ImageFormat(rawValue: export.format) else {
            throw SessionError(
                .storage, "there is no format called \(export.format)",
                remedy: "Known: \(ImageFormat.allCases.map(\.rawValue).joined(separator: ", ")).",
                exit: .notSupported)
        }
        guard format != .raw || request.mode == .scratch else { return nil }
        guard format == .raw || (request.partition == nil && request.mode != .scratch) else {
            throw SessionError(
                .storage, "--partition and --scratch work on raw images only, yet",
                remedy: "Export the whole image, or convert it with qemu-img first.",
                exit: .notSupported)
        }
        var window: DiskWindow?
        if request.mode == .scratch {
            window = DiskWindow(
                offset: range.offset, length: range.length,
                overlay: try keptOverlays(at: [range.offset], size: size).first)
        }
        return StoragePlan(
            nbdExportOf: source.descriptor, format: format, readOnly: request.mode != .write,
            window: window, socketFolder: "\(folder)/disks")
    }

    /// Starts the storage daemon; returns the path of its socket.
    private func startStorage(_ plan: StoragePlan) throws(SessionError) -> String {
        do {
            let storage = try StorageDaemon.start(plan, log: log.raw)
            self.storage = storage
            record.processes["storage"] = storage.process.id
            try storage.waitUntilReady()
            return storage.diskSockets[0]
        } catch {
            throw SessionError(
                .storage, error.cause, remedy: error.remedy, details: log.tail(lines: 6),
                exit: .environment)
        }
    }

    private func findPartition(
        _ words: String
    ) throws(SessionError) -> (offset: UInt64, length: UInt64) {
        do throws(InspectionError) {
            let report = try Inspector().inspect(source.descriptor, path: request.source)
            return try report.range(of: PartitionPath.parse(words))
        } catch {
            throw SessionError(
                .source, error.cause, remedy: error.remedy, exit: .sourceUnusable)
        }
    }

    /// Lets clients finish, and has everything they were told is written made durable.
    ///
    /// Nil where nothing was exported.
    func stopTargets(
        force: Bool, steps: inout DetachSteps
    ) -> (read: UInt64, written: UInt64)? {
        guard request.export != nil else { return nil }
        guard let targets else { return (0, 0) }
        steps.begin("clients")
        self.targets = nil
        do {
            let figures = try targets.stop(
                milliseconds: force ? ExportLimits.forced : ExportLimits.drain)
            steps.end(
                "clients", held: true,
                "\(figures.bytesWritten) bytes written by clients are flushed")
            return (figures.bytesRead, figures.bytesWritten)
        } catch {
            steps.end("clients", held: false, error.cause)
            return (0, 0)
        }
    }

    /// The target process ended by itself: clients have lost their disk.
    func targetsEnded() {
        guard let targets else { return }
        let end = (try? targets.process.wait(milliseconds: 0)).flatMap { $0 }
        self.targets = nil
        local?.disk?.cut()
        fail("the target process ended unexpectedly (\(end.map(\.description) ?? "unknown"))")
    }
}

/// Time limits of an export, in milliseconds.
private enum ExportLimits {
    /// What clients have sent is finished in this time.
    static let drain: Int64 = 30_000
    /// The same, where the user forces.
    static let forced: Int64 = 1000
}
