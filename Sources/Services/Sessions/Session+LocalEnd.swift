import Bridge
import LocalDisk
import Platform

/// The end of an export's device on this host.
extension Session {
    /// Flushes the device and takes it away; throws, having changed nothing, where something still
    /// uses it, unless `force`.
    func detachLocal(force: Bool, steps: inout DetachSteps) throws(SessionError) {
        guard let local else { return }
        steps.begin("device")
        if let disk = local.disk {
            try endDevice(disk, force: force, steps: &steps)
        } else if let folder = local.folder {
            let users = try endFolder(folder, force: force)
            let cut = users.isEmpty ? "" : "; cut off: \(users.joined(separator: ", "))"
            // Who is cut off may have had more to write.
            steps.end(
                "device", held: users.isEmpty || request.mode == .readOnly,
                "\(local.path) is gone\(cut)")
        }
        self.local = nil
    }

    private func endDevice(
        _ disk: any AttachedDisk, force: Bool, steps: inout DetachSteps
    ) throws(SessionError) {
        let node = DeviceNode(disk.path)
        var (claim, users) = settle(node, milliseconds: force ? 200 : LocalLimits.patience)
        if !force {
            if case .busy = claim { throw Self.busy(disk.path, users) }
            guard users.isEmpty else { throw Self.busy(disk.path, users) }
        }
        let flushed = try flush(disk.path, claim.device, force: force)
        do throws(AttachError) { try disk.disconnect(claim: claim.device) } catch {
            steps.end("device", held: false, "\(error)")
            return
        }
        // A loop device stays until its last user closes it, and this is one.
        claim = .dead
        let isGone = localFolder.map { endLoop($0, disk) } ?? true
        let cut = users.isEmpty ? "" : "; cut off: \(users.joined(separator: ", "))"
        let end = isGone ? "gone" : "dead until its last user closes it"
        // Who is cut off may have had more to write.
        let isWhole = flushed == .done && users.isEmpty
        steps.end(
            "device", held: isWhole || request.mode == .readOnly,
            flushed == .done
                ? "\(disk.path) is flushed and \(end)\(cut)"
                : "\(disk.path) is \(end), but what it held could not be flushed\(cut)")
    }

    /// Waits until nobody uses a device, for a while: what only looks at it goes away.
    private func settle(
        _ node: DeviceNode, milliseconds: Int64
    ) -> (DeviceNode.Claim, [String]) {
        let deadline = Clock.milliseconds() + milliseconds
        while true {
            let claim = node.claim()
            let users = DeviceUsers.find(node, besides: Host.process)
            if case .busy = claim {
                if Clock.milliseconds() >= deadline { return (claim, users) }
            } else if users.isEmpty || Clock.milliseconds() >= deadline {
                return (claim, users)
            }
            Clock.sleep(milliseconds: 50)
        }
    }

    private func flush(
        _ path: String, _ claim: OwnedFD?, force: Bool
    ) throws(SessionError) -> DeviceFlush.Outcome {
        let outcome = try SessionError.wrap(.device, "cannot flush \(path)") {
            () throws(SystemError) in
            guard let device = claim ?? (try? Files.open(path, [.readOnly, .nonblocking])) else {
                return DeviceFlush.Outcome.refused
            }
            return try DeviceFlush.run(
                device, executable: try Host.executable(),
                milliseconds: force ? LocalLimits.forcedFlush : LocalLimits.flush)
        }
        guard outcome == .late, !force else { return outcome }
        throw SessionError(
            .device, "\(path) is still writing after \(LocalLimits.flush / 1000) s",
            remedy: "Try again later; --force gives up what is not written.", exit: .busy)
    }

    /// Takes the folder below a loop device away; false where the device is left, without a file
    /// below it, until its last user closes it.
    private func endLoop(_ folder: String, _ disk: any AttachedDisk) -> Bool {
        let isGone = (disk as? LoopDisk)?.isGone() ?? true
        do throws(BridgeError) {
            try FuseMount.unmount(mountpoint: folder, lazy: !isGone)
            localFolder = nil
        } catch { log.note("\(error)") }
        return isGone
    }

    /// Unmounts the folder of an attached file; returns whom that cut off.
    private func endFolder(_ folder: String, force: Bool) throws(SessionError) -> [String] {
        guard MountTable.isMounted(folder) else { return [] }
        do throws(BridgeError) {
            try FuseMount.unmount(mountpoint: folder, lazy: targets == nil)
            localFolder = nil
            return []
        } catch {
            let users = FolderUsers.find(below: folder).map {
                "process \($0.process) (\($0.command)): \($0.holds)"
            }
            guard force else {
                guard !users.isEmpty else {
                    throw SessionError(.device, error.cause, remedy: error.remedy, exit: .busy)
                }
                throw Self.busy(folder, users)
            }
            try cutFolder(folder)
            return users.isEmpty ? [Self.unseen] : users
        }
    }

    private func cutFolder(_ folder: String) throws(SessionError) {
        do throws(BridgeError) {
            try FuseMount.unmount(mountpoint: folder, lazy: true)
            localFolder = nil
        } catch {
            throw SessionError(.device, error.cause, remedy: error.remedy, exit: .busy)
        }
    }

    /// A user that /proc does not show to this one.
    private static let unseen = "something that this process cannot see"

    private static func busy(_ path: String, _ users: [String]) -> SessionError {
        SessionError(
            .device, "\(path) is in use",
            remedy: "End that (umount, swapoff, close it) and try again; --force cuts it off.",
            details: users.isEmpty ? [unseen] : users,
            exit: .busy)
    }

    /// Ends the target process at once; what waits on the device is told.
    func killTargets() {
        _ = try? targets?.process.killAndWait()
        targets = nil
        local?.disk?.cut()
    }

    /// Ends whatever there is of a device, without asking: after a failure.
    func closeLocal() {
        try? local?.disk?.disconnect(claim: nil)
        local = nil
        record.device = nil
        _ = try? targets?.process.killAndWait()
        targets = nil
        guard let folder = localFolder else { return }
        if MountTable.isMounted(folder) {
            try? FuseMount.unmount(mountpoint: folder, lazy: true)
        }
        localFolder = nil
    }
}

extension SessionClient {
    /// Takes away what a dead session's device left behind; nil where there was none.
    static func tidyDevice(_ record: SessionRecord, folder: String) -> Receipt.Step? {
        guard let device = record.device else { return nil }
        var failure: String?
        do throws(AttachError) {
            switch device.way {
            case AttachWay.nbd.rawValue:
                try KernelNBD.disconnect(path: device.path, owner: record.id)
            case AttachWay.iscsi.rawValue:
                if let target = device.target, let portal = device.portal {
                    try KernelISCSI.disconnect(target: target, portal: portal)
                }
            default: break
            }
        } catch { failure = "\(error)" }
        let place = "\(folder)/disk"
        if MountTable.isMounted(place) {
            do throws(BridgeError) { try FuseMount.unmount(mountpoint: place, lazy: true) } catch {
                failure = failure ?? "\(error)"
            }
        }
        return Receipt.Step(
            name: "device", held: failure == nil,
            evidence: failure ?? "what was left of \(device.path) is removed", milliseconds: 0)
    }
}
