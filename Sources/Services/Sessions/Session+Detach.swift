import Bridge
import GuestLink
import GuestWire
import Platform
import StorageDaemon

/// Time limits of a detach, in milliseconds.
enum DetachLimits {
    /// Everything dirty is written: as long as the disk needs, which `StallWatch` looks after.
    static let writing: Int64 = 7 * 24 * 3_600_000
    /// The same, where the user forces.
    static let forced: Int64 = 10_000
    /// From the power-off to the machine's end.
    static let powerOff: Int32 = 10_000

    /// What has to write may take this long.
    static func writing(force: Bool) -> Int64 { force ? forced : writing }
}

extension Session {
    /// Detaches as one transaction and proves each step; the order is that of a safe removal.
    ///
    /// Throws only where nothing was changed (a busy folder). What has to be written may take as
    /// long as it takes, but not stand still. With `force` a busy folder is cut off, and every wait
    /// is short.
    func detach(
        force: Bool, announce: @escaping (String) -> Void
    ) throws(SessionError) -> Receipt {
        var steps = DetachSteps(announce: announce)
        let before = record.state
        record.state = .detaching
        publish()
        if isMounted {
            do { try unmountFolder(force: force, steps: &steps) } catch {
                record.state = before
                publish()
                throw error
            }
        }
        do { try detachLocal(force: force, steps: &steps) } catch {
            record.state = before
            publish()
            throw error
        }
        let watch = StallWatch(
            machine: machine,
            writers: [storage?.process, targets?.process].compactMap { $0 },
            helpers: [bridge?.process].compactMap { $0 })
        let exported = stopTargets(force: force, steps: &steps)
        let figures = exported ?? drainBridge(force: force, steps: &steps)
        unmountGuest(force: force, steps: &steps)
        stopMachine(steps: &steps)
        stopStorage(force: force, steps: &steps)
        if watch.stop() {
            fail("nothing was written for \(StallWatch.limit / 1000) s, so the rest was given up")
        }
        settleSource(steps: &steps)
        if let failure = record.failure {
            steps.record("session", held: false, failure)
        }
        let receipt = Receipt(
            session: record.id, source: record.source, mode: record.mode, steps: steps.done,
            bytesRead: figures.read, bytesWritten: figures.written)
        log.note(receipt.text)
        removeTraces()
        return receipt
    }

    /// Ends everything at once after a failed attach.
    func abandon() {
        if isMounted, let folder = record.mountedFolder {
            if request.isNative {
                try? NativeMount.unmount(folder, lazy: true)
            } else {
                try? FuseMount.unmount(mountpoint: folder, lazy: true)
            }
        }
        closeLocal()
        bridge?.guestIsGone(reason: "the mount failed")
        _ = try? bridge?.process.killAndWait()
        _ = try? machine?.killAndWait()
        _ = try? storage?.stop(milliseconds: 2000)
        removeTraces()
    }

    private func unmountFolder(force: Bool, steps: inout DetachSteps) throws(SessionError) {
        steps.begin("folder")
        guard let folder = record.mountedFolder else {
            isMounted = false
            steps.end("folder", held: true, "\(request.mountpoint) was unmounted already")
            return
        }
        // A dead bridge leaves a mount that answers ENOTCONN: nothing can be pending in it.
        let lazy = force || bridge == nil
        do {
            if request.isNative {
                try NativeMount.unmount(folder, lazy: force)
            } else {
                try FuseMount.unmount(mountpoint: folder, lazy: lazy)
            }
        } catch {
            if record.mountedFolder != nil { throw Self.busy(folder, error) }
        }
        isMounted = false
        if request.removesMountpoint { try? Files.removeDirectory(folder) }
        guard !request.isNative || isLetGo() else {
            steps.end(
                "folder", held: false,
                "\(folder) is cut off, but the host's driver still has \(record.source) for a "
                    + "process that uses it, and may go on writing")
            return
        }
        steps.end("folder", held: true, "\(folder) is unmounted")
    }

    /// Whether the host's driver has let go of the source; waits a moment for it.
    private func isLetGo() -> Bool {
        let deadline = Clock.milliseconds() + 2000
        while Clock.milliseconds() < deadline {
            if !HostUse.isInUse(request.source) { return true }
            Clock.sleep(milliseconds: 50)
        }
        return false
    }

    private static func busy(_ mountpoint: String, _ error: any Error) -> SessionError {
        let users = FolderUsers.find(below: mountpoint, besides: Host.process)
        return SessionError(
            .mountpoint,
            users.isEmpty ? "cannot unmount \(mountpoint): \(error)" : "\(mountpoint) is busy",
            remedy: "Close what uses it and try again; --force cuts it off.",
            details: users.map { "process \($0.process) (\($0.command)): \($0.holds)" },
            exit: .busy)
    }

    private func drainBridge(
        force: Bool, steps: inout DetachSteps
    ) -> (read: UInt64, written: UInt64) {
        guard let bridge else { return (0, 0) }
        steps.begin("bridge")
        var figures: (UInt64, UInt64) = (0, 0)
        do {
            let statistics = try bridge.drain(milliseconds: DetachLimits.writing(force: force))
            figures = (statistics.bytesRead, statistics.bytesWritten)
            let lost = statistics.uncommittedBytes
            steps.end(
                "bridge", held: lost == 0,
                lost == 0
                    ? "\(statistics.bytesWritten) bytes written were committed by the guest"
                    : "\(lost) bytes could not be committed")
        } catch {
            steps.end("bridge", held: false, "\(error)")
        }
        endBridge()
        return figures
    }

    /// Waits a moment for a drained bridge to end by itself.
    func endBridge() {
        guard let bridge else { return }
        if (try? bridge.process.wait(milliseconds: 2000)) == nil {
            _ = try? bridge.process.killAndWait()
        }
        self.bridge = nil
    }

    private func unmountGuest(force: Bool, steps: inout DetachSteps) {
        guard let guest, machine != nil else { return }
        for (export, volume) in zip(exports, record.volumes) {
            let name = volume.name.isEmpty ? volume.type : "\(volume.name) \(volume.type)"
            steps.begin("file system")
            do {
                _ = try guest.call(
                    .unmount(export: export.id),
                    milliseconds: DetachLimits.writing(force: force))
                steps.end("file system", held: true, "\(name) is unmounted and its disk flushed")
            } catch {
                steps.end("file system", held: false, "\(name): \(error)")
            }
        }
    }

    private func stopMachine(steps: inout DetachSteps) {
        guard let machine else { return }
        steps.begin("machine")
        _ = try? guest?.call(.powerOff, milliseconds: 5000)
        guest = nil
        let end = try? machine.wait(milliseconds: DetachLimits.powerOff)
        if end != nil {
            steps.end("machine", held: true, "powered off")
        } else {
            _ = try? machine.killAndWait()
            steps.end("machine", held: false, "did not power off, killed")
        }
        self.machine = nil
    }

    private func stopStorage(force: Bool, steps: inout DetachSteps) {
        guard let storage else { return }
        steps.begin("storage")
        do {
            try storage.stop(milliseconds: DetachLimits.writing(force: force))
            steps.end("storage", held: true, "every block is flushed, the daemon has ended")
        } catch {
            steps.end("storage", held: false, "\(error)")
        }
        self.storage = nil
    }

    private func settleSource(steps: inout DetachSteps) {
        steps.begin("source")
        guard request.mode == .write else {
            steps.end("source", held: true, "was opened read-only; not a byte was written to it")
            return
        }
        do {
            try Files.sync(source.descriptor)
            let written = try Files.status(source.descriptor)
            let named = try? Files.status(record.source)
            guard named?.device == written.device, named?.inode == written.inode else {
                steps.end(
                    "source", held: false,
                    "what was written went to the file that was opened, but "
                        + (named == nil
                            ? "\(record.source) is gone" : "\(record.source) is another file now"))
                return
            }
            steps.end("source", held: true, "\(record.source) is synced")
        } catch {
            steps.end("source", held: false, "\(error)")
        }
    }

    private func removeTraces() {
        ExportSockets(registry: registry).removeLeft(by: record)
        for overlay in temporaryOverlays { try? Files.remove(overlay) }
        if request.removesMountpoint { try? Files.removeDirectory(request.mountpoint) }
        if record.failure != nil { keepLog() }
        registry.removeFolder(of: record.id)
    }

    /// A failed session's log stays for `causeway logs`; the newest few only.
    private func keepLog() {
        let folder = "\(request.folders.state)/logs"
        guard (try? Files.makeDirectories(folder, mode: 0o700)) != nil,
            let text = try? Files.read("\(self.folder)/log", limit: 4 << 20)
        else { return }
        try? Files.replace("\(folder)/\(record.started)-\(record.id).log", with: text)
        let old = ((try? Files.list(folder)) ?? []).sorted().dropLast(SessionLogs.kept)
        for name in old { try? Files.remove("\(folder)/\(name)") }
    }
}

/// Collects the steps of a receipt.
struct DetachSteps {
    private(set) var done: [Receipt.Step] = []
    private var start = Clock.milliseconds()
    private let announce: (String) -> Void

    init(announce: @escaping (String) -> Void) { self.announce = announce }

    mutating func begin(_ name: String) {
        start = Clock.milliseconds()
        announce(name)
    }

    mutating func end(_ name: String, held: Bool, _ evidence: String) {
        done.append(
            .init(
                name: name, held: held, evidence: evidence,
                milliseconds: Clock.milliseconds() - start))
    }

    mutating func record(_ name: String, held: Bool, _ evidence: String) {
        done.append(.init(name: name, held: held, evidence: evidence, milliseconds: 0))
    }
}
