import Glibc
import GuestWire
import Platform
import Synchronization

/// Everything the guest has mounted.
///
/// Any thread; mounting and unmounting is the control connection's alone, one at a time.
final class ExportTable: Sendable {
    /// Bounds of what one machine holds, and of waiting.
    enum Limits {
        static let exports = 64
        static let deviceMilliseconds: Int64 = 5_000
        static let readAheadKiB = 4096
        static let unmountMilliseconds: Int64 = 10_000
    }

    private let exports = Mutex<[UInt32: Export]>([:])
    private let lastID = Mutex<UInt32>(0)
    private let server: ServerControl

    /// An empty table; mounts wait until `server` serves.
    init(server: ServerControl) { self.server = server }

    /// The export with this id.
    func export(_ id: UInt32) -> Export? { exports.withLock { $0[id] } }

    /// All exports, oldest first.
    var all: [Export] { exports.withLock { $0.values.sorted { $0.id < $1.id } } }

    /// Mounts a device and exports it.
    ///
    /// Blocks for as long as the driver takes.
    func mount(_ request: MountRequest) throws(GuestFailure) -> ExportDescription {
        let messages = KernelMessages()
        try check(request)
        // Never used twice, so that an old file handle never leads to another file system.
        let id = lastID.withLock { last in
            last += 1
            return last
        }
        var export = Export(id: id, device: "/dev/\(request.device)", readOnly: request.readOnly)
        try waitForDevice(export.device)
        // Also what is mounted read-only: its journal may be replayed onto the source.
        try DiskCache.flush(request.device)
        // The server reads in transfers of 1 MiB; the kernel's own 128 KiB would cut each into
        // eight that wait for one another. Without it the disk is only slower.
        do {
            try Files.writeControl(
                "/sys/block/\(request.device)/queue/read_ahead_kb", "\(Limits.readAheadKiB)\n")
        } catch { KernelMessages.note("\(error)") }
        let driver = try attach(&export, request, messages)
        do {
            if request.road == .passThrough { try passThrough(&export, driver) }
            try makeFolder(export.relaxedPath)
            try Mounts.attach(export.strictPath, at: export.relaxedPath, type: "", flags: .bind)
            try server.ensureServing()
            try export.publish()
            export.root = try Files.open(export.strictPath, [.readOnly, .directory])
            let handle = try NFSServer.rootHandle(of: export.strictPath)
            exports.withLock { $0[id] = export }
            return ExportDescription(
                id: id, rootHandle: handle, driver: driver, readOnly: export.readOnly,
                kernelMessages: messages.collect())
        } catch {
            let failure = GuestFailure(
                step: .export, errno: error.errno,
                message: "the guest's file server does not take \(driver) on "
                    + "\(request.device) (\(error))",
                kernelMessages: messages.collect())
            export.root = nil
            try? withdraw([export])
            try? takeDown(export)
            throw failure
        }
    }

    /// Stops serving an export, unmounts it and flushes its device.
    ///
    /// Blocks; bounded. Takes up to a second longer where another was unmounted just before.
    func unmount(_ id: UInt32) throws(GuestFailure) {
        guard export(id) != nil else {
            throw GuestFailure(
                step: .request, errno: ENOENT, message: "the guest has no export \(id)")
        }
        if let failure = unmount([id]) { throw failure }
    }

    /// Unmounts everything and writes what cannot be unmounted; the first failure, if any.
    @discardableResult
    func unmountAll() -> GuestFailure? {
        let failure = unmount(all.map(\.id).reversed())
        sync()
        return failure
    }

    /// Unmounts exports, all of them even where one fails; the first failure.
    private func unmount(_ ids: [UInt32]) -> GuestFailure? {
        let messages = KernelMessages()
        var first: GuestFailure?
        func note(_ export: Export, _ error: SystemError) {
            let failure = GuestFailure(
                step: .unmount, errno: error.errno,
                message: "the guest cannot unmount \(export.device) (\(error))",
                kernelMessages: messages.collect())
            KernelMessages.note(failure.message)
            first = first ?? failure
        }
        // A mount's root is closed before it is unmounted: the table alone keeps it open.
        let gone = exports.withLock { table in
            ids.compactMap { id in
                table[id]?.root = nil
                return table[id]
            }
        }
        guard let one = gone.first else { return nil }
        do { try withdraw(gone) } catch { note(one, error) }
        for export in gone {
            do throws(SystemError) {
                try takeDown(export)
                exports.withLock { $0[export.id] = nil }
            } catch {
                note(export, error)
            }
        }
        return first
    }

    /// Writes everything of every mount to its device, device caches included.
    ///
    /// Blocks.
    func syncAll() throws(GuestFailure) {
        for export in all {
            do {
                for path in Set([export.strictPath, export.mountPoint]).sorted(by: >) {
                    let mounted = try Files.open(path, [.readOnly, .directory])
                    try FileHandles.syncFileSystem(of: mounted)
                }
                try flushDevice(export.device)
            } catch {
                throw GuestFailure(
                    step: .file, errno: error.errno,
                    message: "the guest cannot write everything to \(export.device) (\(error))")
            }
        }
    }
}

extension ExportTable {
    private func check(_ request: MountRequest) throws(GuestFailure) {
        let device = request.device.utf8
        let plain = device.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x2d
        }
        guard plain, !device.isEmpty, !request.drivers.isEmpty else {
            throw GuestFailure(
                step: .request, errno: EINVAL,
                message: "a mount needs a plain device name and at least one driver")
        }
        guard exports.withLock({ $0.count }) < Limits.exports else {
            throw GuestFailure(
                step: .request, errno: ENOSPC,
                message: "the guest holds \(Limits.exports) file systems already")
        }
    }

    private func waitForDevice(_ path: String) throws(GuestFailure) {
        guard !Files.waitForBlockDevice(path, milliseconds: Limits.deviceMilliseconds) else {
            return
        }
        throw GuestFailure(
            step: .device, errno: ENODEV,
            message: "the block device \(path) did not appear in the guest")
    }

    /// Tries the drivers in order; returns the one that took the device.
    private func attach(
        _ export: inout Export, _ request: MountRequest, _ messages: KernelMessages
    ) throws(GuestFailure) -> String {
        var flags: MountFlags = [.noSetUser, .noDevices, .noExecution]
        if request.readOnly { flags.insert(.readOnly) }
        var missing: [String] = []
        var refusal: SystemError?
        for driver in request.drivers {
            Appliance.loadModules(forFileSystem: driver)
            do {
                try makeFolder(export.mountPoint)
                try Mounts.attach(
                    export.device, at: export.mountPoint, type: driver, flags: flags,
                    options: request.options)
                export.readOnly =
                    request.readOnly || Self.isReadOnly(export.mountPoint)
                return driver
            } catch  where error.errno == ENODEV {
                missing.append(driver)
            } catch {
                refusal = error
            }
        }
        let message =
            refusal.map { "no driver in the guest takes \(request.device) (\($0))" }
            ?? "the guest's kernel has no driver \(missing.joined(separator: ", "))"
        throw GuestFailure(
            step: refusal == nil ? .driver : .mount, errno: refusal?.errno ?? ENODEV,
            message: message, kernelMessages: messages.collect())
    }

    private func passThrough(_ export: inout Export, _ driver: String) throws(SystemError) {
        try makeFolder(export.passThroughPoint)
        export.passThrough = try PassThrough(
            base: export.mountPoint, target: export.passThroughPoint, driver: driver,
            isReadOnly: export.readOnly)
        PassThrough.widenReadahead(of: export.passThroughPoint)
    }

    private static func isReadOnly(_ path: String) -> Bool {
        var status = statvfs()
        return statvfs(path, &status) == 0 && status.f_flag & UInt(ST_RDONLY) != 0
    }

    private func makeFolder(_ path: String) throws(SystemError) {
        try Files.makeDirectories(path, mode: 0o755)
    }

    /// Withdraws exports from the server; the others stay.
    private func withdraw(_ gone: [Export]) throws(SystemError) {
        let ids = gone.map(\.id)
        let others = all.filter { !ids.contains($0.id) }
        guard !others.isEmpty else { return try server.stop() }
        try NFSServer.withdraw { () throws(SystemError) in
            for other in others { try other.publish() }
            for export in gone {
                try NFSServer.deny(id: export.strictID)
                try NFSServer.deny(id: export.relaxedID)
            }
        }
    }

    /// Unmounts whatever of a withdrawn export is there and flushes its device; can be called
    /// again after a failure and goes on where it stopped.
    private func takeDown(_ export: Export) throws(SystemError) {
        try detach(export.relaxedPath)
        if let passThrough = export.passThrough {
            try detach(export.passThroughPoint)
            try passThrough.waitForEnd()
        }
        try detach(export.mountPoint)
        try flushDevice(export.device)
    }

    /// Unmounts; the server's last references go away a moment after they were withdrawn.
    private func detach(_ path: String) throws(SystemError) {
        let deadline = Clock.milliseconds() + Limits.unmountMilliseconds
        var pause: Int64 = 1
        while true {
            do {
                try Mounts.detach(path)
                return
            } catch  where error.errno == EINVAL || error.errno == ENOENT {
                return  // Nothing is mounted there.
            } catch  where error.errno == EBUSY {
                guard Clock.milliseconds() < deadline else { throw error }
            }
            Clock.sleep(milliseconds: pause)
            pause = min(2 * pause, 50)
        }
    }

    private func flushDevice(_ path: String) throws(SystemError) {
        let device = try Files.open(path, .readOnly)
        try Files.sync(device)
    }
}
