import Bridge
import GuestLink
import GuestWire
import Lines
import Platform
import StorageDaemon

/// What a running session does: serve commands, and notice when a part ends.
struct SessionLoop {
    let session: Session
    /// The session lasts no longer than the other side of this.
    private(set) var lifeline: LineChannel?

    private enum Watched { case machine, bridge, storage, targets, source, listener, lifeline }

    /// Runs until the session is detached.
    mutating func run() {
        while true {
            let watched = self.watched()
            let ready: [Readiness]
            do {
                ready = try Descriptors.poll(
                    watched.map { ($0.descriptor, .readable) }, milliseconds: -1)
            } catch {
                session.log.note("poll: \(error)")
                Clock.sleep(milliseconds: 100)
                continue
            }
            for (index, readiness) in ready.enumerated() where !readiness.isEmpty {
                if handle(watched[index].what) { return }
            }
        }
    }

    private func watched() -> [(descriptor: Int32, what: Watched)] {
        var watched: [(Int32, Watched)] = [(session.listener.raw, .listener)]
        if let lifeline { watched.append((lifeline.raw, .lifeline)) }
        if let machine = session.machine { watched.append((machine.pidfd.raw, .machine)) }
        if let bridge = session.bridge { watched.append((bridge.process.pidfd.raw, .bridge)) }
        if let targets = session.targets {
            watched.append((targets.process.pidfd.raw, .targets))
        }
        if let storage = session.storage {
            watched.append((storage.process.pidfd.raw, .storage))
            if let watch = storage.sourceWatch { watched.append((watch.descriptor.raw, .source)) }
        }
        return watched
    }

    /// Handles what became ready; true where the session is over.
    private mutating func handle(_ what: Watched) -> Bool {
        switch what {
        case .listener: return serveCommand()
        case .machine: session.machineEnded()
        case .storage: session.storageEnded()
        case .targets: session.targetsEnded()
        case .source: session.sourceChanged()
        case .bridge: return session.bridgeEnded()
        case .lifeline: return launcherEnded()
        }
        return false
    }

    /// Nobody needs the session any more.
    private mutating func launcherEnded() -> Bool {
        lifeline = nil
        session.log.note("the command that this session was for is gone")
        return (try? session.detach(force: true, announce: { _ in })) != nil
    }

    /// Serves one command; true where the session is over.
    private func serveCommand() -> Bool {
        do {
            let socket = try UnixSocket.accept(session.listener)
            guard try UnixSocket.peerUser(socket) == Host.user || Host.user == 0 else {
                return false
            }
            let channel = LineChannel(socket)
            guard let command = try channel.receive(SessionCommand.self, milliseconds: 2000) else {
                return false
            }
            switch command {
            case .describe:
                try channel.send(SessionEvent.record(session.record))
            case .kernelLog:
                for line in session.kernelLog() { try channel.send(SessionEvent.phase(line)) }
                try channel.send(SessionEvent.record(session.record))
            case .unmount(let force):
                let receipt: Receipt
                do {
                    receipt = try session.detach(force: force) { phase in
                        try? channel.send(SessionEvent.phase(phase))
                    }
                } catch {
                    try channel.send(SessionEvent.failed(error))
                    return false
                }
                try? channel.send(SessionEvent.detached(receipt))
                return true
            }
        } catch {
            session.log.note("command: \(error)")
        }
        return false
    }
}

extension Session {
    /// The tail of the guest kernel's log, or of the session's own where the guest is gone.
    func kernelLog() -> [String] {
        guard let guest, machine != nil,
            case .data(let bytes) = try? guest.call(.kernelLog, milliseconds: 5000)
        else { return log.tail(lines: 200) }
        return String(decoding: bytes, as: UTF8.self)
            .split(whereSeparator: \.isNewline).map(String.init)
    }

    /// The machine's process ended by itself: nothing can be read or written any more.
    func machineEnded() {
        guard let machine else { return }
        let end = try? machine.wait(milliseconds: 0)
        self.machine = nil
        guest = nil
        fail("the virtual machine ended unexpectedly (\(end.map(\.description) ?? "unknown"))")
        bridge?.guestIsGone(reason: "the virtual machine ended")
    }

    /// Somebody else changed the source under the session; where that takes bytes away, reads would
    /// show zeros from now on, so nothing is read any more.
    func sourceChanged() {
        guard let change = storage?.sourceWatch?.check() else { return }
        fail("the source was changed by somebody else: \(change)")
        killTargets()
        bridge?.guestIsGone(reason: "the source was changed by somebody else")
        _ = try? machine?.killAndWait()
        machine = nil
        guest = nil
        storage?.kill()
        storage = nil
    }

    /// The storage daemon ended by itself: the guest would wait for its disks for ever.
    func storageEnded() {
        guard let storage else { return }
        let end = try? storage.process.wait(milliseconds: 0)
        self.storage = nil
        killTargets()
        fail("the storage daemon ended unexpectedly (\(end.map(\.description) ?? "unknown"))")
        bridge?.guestIsGone(reason: "the storage daemon ended")
        _ = try? machine?.killAndWait()
        machine = nil
        guest = nil
    }

    /// The bridge ended: the folder was unmounted by hand, or the bridge was killed.
    ///
    /// True where the session is over. What the guest was given is still there and is written out
    /// before anything else.
    func bridgeEnded() -> Bool {
        guard let bridge else { return false }
        let end = try? bridge.process.wait(milliseconds: 0)
        if end?.isSuccess == true, record.mountedFolder == nil {
            // fusermount -u or umount by hand: an orderly detach, without a command to report to.
            log.note("the folder was unmounted by hand")
            isMounted = false
            _ = try? detach(force: false, announce: { _ in })
            return true
        }
        self.bridge = nil
        fail("the bridge ended unexpectedly (\(end.map(\.description) ?? "unknown"))")
        if let guest, machine != nil {
            do {
                _ = try guest.call(.sync, milliseconds: 30_000)
                log.note("the guest has written everything out")
            } catch { log.note("sync after the bridge's end: \(error)") }
        }
        return false
    }
}
