import CFUSE
import Glibc
import GuestWire
import NFSWire

// What "lost" means here. The connection to the server is never made again, and the agent and the
// server's kernel end together: so the server's memory is only ever lost with the whole guest, and
// then everything fails. While it lives, data is lost when the guest's kernel fails to write it to
// the disk. The kernel remembers that for the file, and COMMIT reports it. It also changes the
// server's write verifier, for a failed write-back as well as for a write that fails at once (no
// space). A change that no failed call explains makes every file with uncommitted data suspect:
// its next fsync or close reports EIO.

extension FileServer {
    /// Compares the server's write verifier with the one that was seen last.
    func see(verifier seen: UInt64) {
        defer { verifier = seen }
        guard let verifier, verifier != seen else { return }
        if failedChanges > 0 {
            failedChanges = 0
            return
        }
        for state in nodes.states() where state.uncommittedBytes > 0 {
            state.uncommittedBytes = 0
            state.lostWrite = EIO
            statistics.lostFiles += 1
        }
        log("the guest failed to write data to its disk")
    }

    /// FUSE_FSYNC: answered when the file's data and attributes are on the disk.
    func syncFile(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        let unique = message.unique
        guard !isReadOnly(node.export) else { return fail(unique, 0) }
        commit(message.node, node) { [unowned self] errno in fail(unique, errno) }
    }

    /// Commits a file; gives an errno, 0 for success.
    private func commit(
        _ number: UInt64, _ node: NodeTable.Node, _ body: @escaping (Int32) -> Void
    ) {
        guard let state = nodes.state(of: number) else { return body(ESTALE) }
        let covered = state.uncommittedBytes
        state.changesInFlight += 1
        call(.commit(strict(node)), as: NFSCommitReply.self) { [unowned self] outcome in
            state.changesInFlight -= 1
            var errno: Int32 = 0
            switch outcome {
            case .failed(let failure):
                failedChanges += 1
                state.uncommittedBytes -= min(covered, state.uncommittedBytes)
                errno = failure
            case .done(let reply):
                see(verifier: reply.verifier)
                state.uncommittedBytes -= min(covered, state.uncommittedBytes)
            }
            let lost = state.takeLostWrite()
            noteChange(of: number)
            nodes.release(number)
            body(errno != 0 ? errno : lost)
        }
    }

    /// FUSE_FSYNCDIR: NFSv3 cannot commit a folder, so the agent writes the whole file system.
    func syncDirectory(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        let unique = message.unique
        // Without the relaxed export every change of a folder is on the disk when it is answered.
        guard !isReadOnly(node.export), exports[node.export].isTwofold else {
            return fail(unique, 0)
        }
        syncAll { [unowned self] errno in fail(unique, errno) }
    }

    /// Has the agent write every file system; those who ask while it is on its way wait for the
    /// next one, together.
    func syncAll(_ body: @escaping (Int32) -> Void) {
        guard let agent else { return body(0) }
        syncWaiters.append(body)
        guard !syncUnderWay else { return }
        startSync(agent)
    }

    private func startSync(_ agent: AgentClient) {
        let waiters = syncWaiters
        syncWaiters = []
        syncUnderWay = true
        let covered = nodes.states().filter { $0.uncommittedBytes > 0 }
            .map { (state: $0, bytes: $0.uncommittedBytes) }
        agent.ask(.sync) { [unowned self] reply in
            syncUnderWay = false
            let errno = Self.errno(of: reply)
            if errno == 0 {
                for (state, bytes) in covered {
                    state.uncommittedBytes -= min(bytes, state.uncommittedBytes)
                    noteChange(of: state.number)
                    nodes.release(state.number)
                }
            }
            for waiter in waiters { waiter(errno) }
            if !syncWaiters.isEmpty { startSync(agent) }
        }
    }

    /// What an answer without a value says, as an errno.
    static func errno(of reply: Reply?) -> Int32 {
        switch reply {
        case .done: 0
        case .failed(let failure): failure.errno > 0 ? failure.errno : EIO
        default: EIO
        }
    }

    /// Writes everything to the guest's disks; gives an errno, and EIO where data is known to be
    /// lost and nobody was told.
    ///
    /// The guest's kernel tells of lost data once; it is told here to everybody who asks later.
    func drain(_ body: @escaping (Int32) -> Void) {
        guard guestFailure == nil else { return body(EIO) }
        drainWaiters.append(body)
        guard drainWaiters.count == 1 else { return }
        let finish = { [unowned self] (errno: Int32) in
            if drainFailure == 0 { drainFailure = errno }
            let waiters = drainWaiters
            drainWaiters = []
            for waiter in waiters { waiter(drainFailure) }
        }
        removeAllHidden { [unowned self] in
            if agent != nil, exports.allSatisfy(\.isTwofold) {
                return commitOneAndSync(finish)
            }
            commitAll(finish)
        }
    }

    /// One commit shows the verifier as it is now; the sync writes the rest.
    private func commitOneAndSync(_ body: @escaping (Int32) -> Void) {
        syncAll { [unowned self] errno in
            let suspect = nodes.states().first { $0.uncommittedBytes > 0 || $0.lostWrite != 0 }
            guard let suspect, let node = nodes[suspect.number] else { return body(errno) }
            commit(suspect.number, node) { [unowned self] committed in
                let lost = nodes.states().contains { $0.lostWrite != 0 }
                body(errno != 0 ? errno : committed != 0 ? committed : lost ? EIO : 0)
            }
        }
    }

    private func commitAll(_ body: @escaping (Int32) -> Void) {
        let dirty = nodes.states().filter { $0.uncommittedBytes > 0 || $0.lostWrite != 0 }
        var waiting = dirty.count + 1
        var first: Int32 = 0
        let done = { (errno: Int32) in
            if first == 0 { first = errno }
            waiting -= 1
            if waiting == 0 { body(first) }
        }
        for state in dirty {
            guard let node = nodes[state.number] else {
                done(0)
                continue
            }
            commit(state.number, node, done)
        }
        done(0)
    }
}
