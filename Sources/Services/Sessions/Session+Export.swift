import Inspection
import LocalDisk
import Platform
import Sandbox
import StorageDaemon
import Targets

extension Session {
    /// Makes blocks attachable, by this host's own process or by a guest's.
    ///
    /// On an error everything that was started is for `abandon` to end.
    func attachExport(announce: @escaping Announcement) throws(SessionError) {
        guard let export = request.export else { return }
        var clock = PhaseClock(announce: announce)
        try clock.begin("inspect")
        let names = ExportNames(export, source: request.source, partition: request.partition)
        if export.attach != nil { prepareForMemoryPressure() }
        var (plan, part) = try planExport(export, names: names)
        let others = registry.list().filter { $0.id != record.id && $0.state != .dead }
        let listeners = try ExportListeners(
            export, taken: others.flatMap { $0.urls ?? [] },
            sockets: ExportSockets(registry: registry))
        record.sockets = listeners.paths
        // Known before anything else can end this process.
        publish()
        let recording = try Recording(export.recording)
        try clock.begin("start")
        if export.inGuest {
            try serveInGuest(plan, part, listeners, clock: &clock)
        } else {
            plan.store = try openStore(part)
            try serveHere(plan, part, listeners, export, recording)
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

    /// Serves by a process of this host, and shows this host the device where that is asked for.
    private func serveHere(
        _ plan: TargetPlan, _ part: ExportedPart, _ listeners: ExportListeners,
        _ export: ExportRequest, _ recording: Recording?
    ) throws(SessionError) {
        if let attach = export.attach {
            try attachLocally(attach) { door throws(SessionError) in
                try startTargets(plan, part, listeners, export, recording, door: door)
            }
        } else {
            _ = try startTargets(plan, part, listeners, export, recording, door: nil)
        }
    }

    /// Starts the target process on the listeners and the door for this host's kernel; returns the
    /// plan that it got.
    private func startTargets(
        _ planned: TargetPlan, _ part: ExportedPart, _ listeners: ExportListeners,
        _ export: ExportRequest, _ recording: Recording?, door: LocalDoor?
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
        case .device: break
        }
        let isISCSI = door.map { if case .iscsi = $0.plan(-1) { true } else { false } } ?? false
        if isISCSI || export.endpoints.contains(where: { $0.protocol != .nbd }) {
            grants.append(.folder(try makeReservationFolder(part), at: "/state"))
            plan.reservations = "/state/reservations"
        }
        let early = export.answersEarly
        plan.link = listeners.all.compactMap { LinkListener.plan($0, answersEarly: early) }.first
        for listener in listeners.all {
            plan.listeners.append(
                .init(.descriptor(4 + Int32(descriptors.count)), listener.protocol))
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
    /// configuration string and reservations) is kept for the source's content, not for its path.
    private func makeReservationFolder(_ part: ExportedPart) throws(SessionError) -> String {
        let names = SourceNames(source, path: request.source, partition: self.part(part))
        let folder = "\(request.folders.state)/reservations/\(names.folder)"
        try SessionError.wrap(.target, "cannot make \(folder)") { () throws(SystemError) in
            try Files.makeDirectories(folder, mode: 0o700)
        }
        return folder
    }

    /// The place of the partition that was asked for; nil for the whole disk, which may grow.
    private func part(_ part: ExportedPart) -> DiskPart? {
        request.partition.map { _ in DiskPart(offset: part.offset, length: part.length) }
    }

    /// What is served and to whom, still without a store and without listeners.
    private func planExport(
        _ export: ExportRequest, names: ExportNames
    ) throws(SessionError) -> (TargetPlan, ExportedPart) {
        let geometry = try SessionError.wrap(.source, "cannot measure \(request.source)") {
            () throws(SystemError) in try Files.geometry(source.descriptor)
        }
        var plan = TargetPlan(
            store: .descriptor(-1), readOnly: request.mode == .readOnly, name: names.name,
            identity: "", iscsiName: names.iscsi)
        plan.logicalBlockSize = export.sectorSize ?? geometry.logicalSector
        plan.physicalBlockSize = max(plan.logicalBlockSize, geometry.physicalSector)
        plan.access = export.access
        let part = try planPart(
            sourceSize: geometry.size, sectorSize: plan.logicalBlockSize, inGuest: export.inGuest)
        plan.identity = SourceNames(source, path: request.source, partition: self.part(part)).disk
        if part.isUncut { (plan.offset, plan.length) = (part.offset, part.length) }
        return (plan, part)
    }

    /// The part of the source's disk that is exported, and whether a storage daemon cuts it out.
    private func planPart(
        sourceSize: UInt64, sectorSize: UInt32, inGuest: Bool
    ) throws(SessionError) -> ExportedPart {
        let format = request.format
        var part = ExportedPart(format: format, length: sourceSize, sectorSize: sectorSize)
        // The disk in an image has another size than the image.
        if request.partition != nil || (format != .raw && request.mode == .scratch) {
            (part.offset, part.length) = try findPart()
        }
        guard part.length >= UInt64(sectorSize) else {
            throw SessionError(
                .source,
                "\(request.source) holds less than one sector of \(sectorSize) bytes",
                remedy: "Check that it is the right file.", exit: .sourceUnusable)
        }
        let isCut = format == .raw ? inGuest : request.partition != nil
        guard request.mode == .scratch || isCut else { return part }
        var window = DiskWindow(offset: part.offset, length: part.length)
        if request.mode == .scratch {
            window.overlay = try keptOverlays(of: [window], sourceSize: sourceSize).first
        }
        part.window = window
        return part
    }

    /// Where the partition that was asked for lies on the source's disk; the whole of it, where
    /// none was.
    private func findPart() throws(SessionError) -> (offset: UInt64, length: UInt64) {
        let report = try inspect()
        do throws(InspectionError) {
            return try report.range(of: request.partition.map(PartitionPath.parse) ?? .whole)
        } catch { throw .inspecting(error) }
    }

    /// The store for a process of this host: the source itself, or what a storage daemon makes of
    /// it.
    private func openStore(_ part: ExportedPart) throws(SessionError) -> TargetPlan.Store {
        guard !part.isUncut else { return .descriptor(-1) }
        let plan = StoragePlan(
            nbdExportOf: source.descriptor, format: part.format, readOnly: request.mode != .write,
            window: part.window, socketFolder: "\(folder)/disks")
        return .daemon(socket: try startStorage(plan), name: StorageService.exportName)
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
            throw .storage(error, details: log.tail(lines: 6))
        }
    }

    /// Lets clients finish, and has everything they were told is written made durable.
    ///
    /// Nil where nothing was exported.
    func stopTargets(
        force: Bool, steps: inout DetachSteps
    ) -> (read: UInt64, written: UInt64)? {
        guard let export = request.export else { return nil }
        if export.inGuest { return stopGuestTargets(force: force, steps: &steps) }
        guard let targets else { return (0, 0) }
        steps.begin("clients")
        self.targets = nil
        do {
            let figures = try targets.stop(
                milliseconds: force ? ExportLimits.forced : ExportLimits.drain,
                flush: DetachLimits.writing(force: force))
            steps.end(
                "clients", held: true,
                "what was acknowledged is flushed; clients sent \(figures.bytesWritten) bytes")
            return (figures.bytesRead, figures.bytesWritten)
        } catch {
            steps.end("clients", held: false, error.cause)
            return (0, 0)
        }
    }

    /// The target process ended by itself: clients have lost their disk.
    func targetsEnded() {
        guard let targets else { return }
        let end = try? targets.process.wait(milliseconds: 0)
        self.targets = nil
        local?.disk?.cut()
        fail("the target process ended unexpectedly (\(end.map(\.description) ?? "unknown"))")
    }
}

/// The part of a source that is exported.
struct ExportedPart {
    /// How the source holds it.
    var format: ImageFormat
    /// First byte of the source's disk.
    var offset: UInt64 = 0
    /// Bytes of it; of no meaning for the whole disk in an image, which the storage daemon knows.
    var length: UInt64
    /// Unit of addressing, in bytes.
    var sectorSize: UInt32
    /// What a storage daemon cuts out or lays an overlay on; nil where it does neither.
    var window: DiskWindow?

    /// Whether the source's own bytes are served, without a storage daemon.
    var isUncut: Bool { format == .raw && window == nil }
}

/// Time limits of an export, in milliseconds.
enum ExportLimits {
    /// What clients have sent is finished in this time.
    static let drain: Int64 = 30_000
    /// The same, where the user forces.
    static let forced: Int64 = 1000
}
