import Catalogue
import GuestWire
import Inspection
import Platform
import StorageDaemon

/// One file system of the plan.
struct PlannedVolume {
    /// Sub-folder, empty where it is the root of the mount.
    var name: String
    /// What inspection found.
    var found: Volume
    /// What the guest is asked.
    var mount: MountRequest

    /// The volume for people.
    var title: String {
        let place =
            found.partition == .whole ? "the whole source" : "partition \(found.partition)"
        return "\(place) (\(found.fileSystem.name))"
    }

    /// The volume as others see it.
    func record(_ export: ExportDescription) -> SessionRecord.Volume {
        SessionRecord.Volume(
            name: name, partition: found.partition.description, type: found.fileSystem.name,
            driver: export.driver, readOnly: export.readOnly,
            stateBefore: found.finding.state.rawValue, stateReason: found.finding.stateReason)
    }
}

/// What a session will do, decided before anything is started.
struct SessionPlan {
    /// The file systems, in the order of the guest's disks.
    var volumes: [PlannedVolume]
    /// What the storage daemon serves.
    var storage: StoragePlan

    /// Inspects the source and decides.
    init(request: SessionRequest, source: SourceClaim, session: Session) throws(SessionError) {
        let found = try session.findVolumes()
        try Self.checkWritable(found, request: request)
        volumes = found.enumerated().map { index, volume in
            Self.plan(volume, index: index, of: found.count, request: request)
        }
        storage = try Self.planStorage(found, request: request, source: source, session: session)
    }

    /// Where a single file system cannot be written, a request to write is refused, not bent.
    private static func checkWritable(
        _ volumes: [Volume], request: SessionRequest
    ) throws(SessionError) {
        guard request.mode != .readOnly, volumes.count == 1, let volume = volumes.first else {
            return
        }
        let refusal =
            volume.plan(write: true) == nil
            ? "the guest's driver for \(volume.fileSystem.title) only reads"
            : volume.finding.writeRefusal
        guard let refusal else { return }
        throw SessionError(
            .fileSystem, "it cannot be written: \(refusal)",
            remedy: "Mount it read-only: leave --\(request.mode.rawValue) out.",
            exit: .notSupported)
    }

    private static func plan(
        _ volume: Volume, index: Int, of count: Int, request: SessionRequest
    ) -> PlannedVolume {
        let wanted = request.mode == .readOnly ? nil : volume.plan(write: true)
        let mount = wanted ?? volume.finding.readOnly
        let isWhole = volume.partition == .whole
        return PlannedVolume(
            name: count == 1 ? "" : isWhole ? "disk" : "p\(volume.partition)",
            found: volume,
            mount: MountRequest(
                device: "vd" + String(UnicodeScalar(UInt8(97 + index))), drivers: mount.drivers,
                options: mount.options, readOnly: wanted == nil,
                road: mount.road == .kernel ? .kernel : .passThrough))
    }

    private static func planStorage(
        _ volumes: [Volume], request: SessionRequest, source: SourceClaim, session: Session
    ) throws(SessionError) -> StoragePlan {
        guard volumes.count <= StoragePlan.windowLimit else {
            throw SessionError(
                .partition,
                "\(volumes.count) file systems are more than one machine takes "
                    + "(\(StoragePlan.windowLimit))",
                remedy: "Choose one with --partition.", exit: .notSupported)
        }
        let geometry = try SessionError.wrap(.source, "cannot measure \(request.source)") {
            () throws(SystemError) in try Files.geometry(source.descriptor)
        }
        var windows = volumes.map { DiskWindow(offset: $0.offset, length: $0.length) }
        let overlays = try overlayFiles(windows, sourceSize: geometry.size, session: session)
        for index in windows.indices {
            windows[index].overlay = overlays[index]
            windows[index].keepsOverlay = request.mode == .scratch
        }
        return StoragePlan(
            source: source.descriptor, format: request.format,
            readOnly: request.mode != .write, logicalSectorSize: geometry.logicalSector,
            windows: windows, socketFolder: "\(session.folder)/disks")
    }

    /// The overlay of each window: none for `--write`, a kept one for `--scratch`, and one that
    /// ends with the session for read-only mounts, so that journals replay without touching the
    /// source.
    private static func overlayFiles(
        _ windows: [DiskWindow], sourceSize: UInt64, session: Session
    ) throws(SessionError) -> [String?] {
        let request = session.request
        switch request.mode {
        case .write:
            return windows.map { _ in nil }
        case .scratch:
            return try session.keptOverlays(of: windows, sourceSize: sourceSize)
        case .readOnly:
            let folder = "\(request.folders.state)/temporary"
            try SessionError.wrap(.overlay, "cannot make \(folder)") { () throws(SystemError) in
                try Files.makeDirectories(folder, mode: 0o700)
            }
            let files = windows.indices.map { "\(folder)/\(session.record.id)-\($0).qcow2" }
            session.temporaryOverlays = files
            return files
        }
    }
}

extension Session {
    /// Where a session looks into an image, below its own folder.
    static func imageFolder(of folder: String) -> String { "\(folder)/image" }

    /// The layers of the disk that the source holds.
    func inspect() throws(SessionError) -> SourceReport {
        try ImageInspection.report(
            of: source.descriptor, path: request.source, format: request.format,
            readOnly: request.mode != .write, folder: Self.imageFolder(of: folder), log: log.raw)
    }

    /// The file systems that were asked for.
    func findVolumes() throws(SessionError) -> [Volume] {
        let report = try inspect()
        do throws(InspectionError) {
            let partition = try request.partition.map(PartitionPath.parse)
            return try report.selectVolumes(partition: partition, fileSystem: request.fileSystem)
        } catch { throw .inspecting(error) }
    }

    /// The overlay files of `--scratch` for these windows of the source's disk; throws where what
    /// is kept does not fit the source, or them.
    ///
    /// - Parameter sourceSize: the source's, in bytes.
    func keptOverlays(
        of windows: [DiskWindow], sourceSize: UInt64
    ) throws(SessionError) -> [String] {
        let store = OverlayStore(folders: request.folders)
        let status = try SessionError.wrap(.source, "cannot examine \(request.source)") {
            () throws(SystemError) in try Files.status(source.descriptor)
        }
        overlayClaim = try store.claim(source: request.source)
        try store.prepare(
            source: request.source, status: status, size: sourceSize,
            format: request.format.rawValue)
        for window in windows { try store.checkOverlap(source: request.source, with: window) }
        return windows.map { store.file(ofSource: request.source, windowOffset: $0.offset) }
    }
}
