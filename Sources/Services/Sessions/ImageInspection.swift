public import Inspection
import Platform
public import StorageDaemon

/// Looks into sources of every format.
public enum ImageInspection {
    /// How long the storage daemon may take to end, in milliseconds.
    private static let patience: Int64 = 10_000

    /// Opens a source for reading, whatever its format, and reads the layers of its disk.
    ///
    /// Nothing is written. Blocks while it reads.
    public static func report(
        path: String, format: ImageFormat, folders: CausewayFolders
    ) throws(SessionError) -> SourceReport {
        guard format != .raw else {
            return try inspecting { () throws(InspectionError) in
                try Inspector().inspect(path: path)
            }
        }
        try folders.prepareRuntime(user: Host.user)
        let folder = try ProbeFolder(below: folders.runtime)
        defer { folder.remove() }
        let source = try inspecting { () throws(InspectionError) in try Inspector.open(path) }
        // What the daemon says is in the error.
        let silence = try SessionError.wrap(.host, "cannot open /dev/null") {
            () throws(SystemError) in try Files.open("/dev/null", .writeOnly)
        }
        return try report(
            of: source, path: path, format: format, readOnly: true, folder: folder.path,
            log: silence.raw)
    }

    /// Reads the layers of the disk that an open source holds.
    ///
    /// An image of another format than raw is opened as it will be served, `readOnly` or not: some
    /// formats cannot be read before their log is replayed.
    ///
    /// - Parameter folder: private to this user, for a socket; made where absent.
    /// - Parameter log: takes what the storage daemon says.
    static func report(
        of source: OwnedFD, path: String, format: ImageFormat, readOnly: Bool, folder: String,
        log: Int32
    ) throws(SessionError) -> SourceReport {
        let inspector = Inspector()
        let found = try inspecting { () throws(InspectionError) in
            try inspector.identify(source, path: path, format: format.rawValue)
        }
        guard !found.isRaw else {
            return try inspecting { () throws(InspectionError) in
                try inspector.inspect(found, disk: source)
            }
        }
        let plan = StoragePlan(
            nbdExportOf: source, format: format, readOnly: readOnly,
            socketFolder: folder)
        return try withDaemon(plan, log: log) { socket throws(SessionError) in
            let disk = try ImageDisk(
                socket: socket, export: StorageService.exportName, folder: folder, log: log)
            return try inspecting { () throws(InspectionError) in
                try inspector.inspect(found, disk: disk.descriptor)
            }
        }
    }

    private static func inspecting<Value>(
        _ body: () throws(InspectionError) -> Value
    ) throws(SessionError) -> Value {
        do { return try body() } catch { throw .inspecting(error) }
    }

    private static func withDaemon<Value>(
        _ plan: StoragePlan, log: Int32, _ body: (String) throws(SessionError) -> Value
    ) throws(SessionError) -> Value {
        let daemon: StorageDaemon
        do { daemon = try StorageDaemon.start(plan, log: log) } catch { throw .storage(error) }
        do {
            try daemon.waitUntilReady()
            let value = try body(daemon.diskSockets[0])
            // It may have begun to write, where it may.
            try daemon.stop(milliseconds: patience)
            return value
        } catch {
            daemon.kill()
            if let error = error as? StorageError { throw .storage(error) }
            throw .any(error)
        }
    }
}

extension SessionError {
    /// A source that could not be looked into.
    static func inspecting(_ error: InspectionError) -> SessionError {
        SessionError(
            .source, error.cause, remedy: error.remedy,
            exit: error.kind == .notSupported ? .notSupported : .sourceUnusable)
    }

    /// What the storage daemon refused or failed to do.
    static func storage(_ error: StorageError, details: [String] = []) -> SessionError {
        let exit: Exit =
            switch error {
            case .refused: .sourceUnusable
            case .plan, .difference, .otherFile, .readOnlyFormat, .halfMadeLog: .notSupported
            default: .environment
            }
        return SessionError(
            .storage, error.cause, remedy: error.remedy, details: details, exit: exit)
    }
}
