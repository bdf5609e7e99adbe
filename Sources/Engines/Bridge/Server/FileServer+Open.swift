import CFUSE
import Glibc
import NFSWire
import Platform

extension FileServer {
    /// FUSE_OPEN: nothing is asked of the server, unless the file is to be cut.
    func open(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_open_in.self)
        else { return }
        let unique = message.unique
        let number = message.node
        let flags = Int32(bitPattern: input.flags)
        guard flags & O_ACCMODE == O_RDONLY || !isReadOnly(node.export) else {
            return fail(unique, EROFS)
        }
        guard let opened = openFile(number, flags) else { return fail(unique, ESTALE) }
        guard flags & O_TRUNC != 0, !isReadOnly(node.export) else {
            return replyOpened(unique, opened)
        }
        var change = SetAttributes()
        change.size = 0
        change.modified = .serverTime
        if input.open_flags & UInt32(FUSE_OPEN_KILL_SUIDGID) != 0 {
            change.mode = Self.withoutPrivileges(node.mode)
        }
        let state = nodes.state(of: number)
        beginChange(of: number, state)
        call(.setAttributes(node.handle, change), as: NFSChangeReply.self) {
            [unowned self] outcome in
            if case .done(let reply) = outcome {
                endChange(of: number, state, reply.attributes)
            } else {
                endChange(of: number, state)
            }
            switch outcome {
            case .failed(let errno):
                closeFile(opened.fh)
                fail(unique, errno)
            case .done(let reply):
                if let attributes = reply.attributes { nodes.note(number, attributes) }
                replyOpened(unique, opened)
            }
        }
    }

    private func replyOpened(_ unique: UInt64, _ opened: fuse_open_out) {
        if device?.reply(unique, opened) != true { closeFile(opened.fh) }
    }

    /// Counts a file as open and says so in the kernel's words.
    ///
    /// The kernel keeps what it has read: nobody else writes. A file that is only read has no
    /// error to tell when it is closed.
    func openFile(_ number: UInt64, _ flags: Int32) -> fuse_open_out? {
        guard let state = nodes.state(of: number) else { return nil }
        state.openCount += 1
        var opened = fuse_open_out()
        opened.fh = files.insert(OpenFile(number: number, state: state))
        opened.open_flags = UInt32(FOPEN_KEEP_CACHE)
        if flags & O_ACCMODE == O_RDONLY { opened.open_flags |= UInt32(FOPEN_NOFLUSH) }
        return opened
    }

    /// FUSE_RELEASE.
    func release(_ message: FuseMessage) {
        if let input = message.argument(fuse_release_in.self) { closeFile(input.fh) }
        fail(message.unique, 0)
    }

    /// Counts a file as closed; the last to close a file without a name removes it.
    func closeFile(_ handle: UInt64) {
        guard let file = files.remove(handle) else { return }
        let state = file.state
        state.openCount -= 1
        if state.openCount == 0 {
            state.dropReadAhead()
            readAheadUsers.removeAll { $0 === state }
            if let hidden = state.hidden {
                state.hidden = nil
                // No data of a removed file can be missed.
                state.uncommittedBytes = 0
                state.lostWrite = 0
                removeHidden(hidden)
            }
        }
        nodes.release(file.number)
    }

    /// FUSE_FLUSH: a process closes a file; what is known to be lost is told.
    func flushFile(_ message: FuseMessage) {
        fail(message.unique, nodes[message.node]?.state?.takeLostWrite() ?? 0)
    }

    /// Counts a change of a file as on its way.
    ///
    /// - Parameter state: where its data changes: what was read ahead is no longer true.
    func beginChange(of number: UInt64, _ state: NodeState? = nil) {
        if let node = nodes[number] { recent.begin(number, generation: node.generation) }
        noteChange(of: number)
        state?.changesInFlight += 1
        state?.dropReadAhead()
    }

    /// Counts a change of a file as answered, with the attributes after it where they are told.
    func endChange(
        of number: UInt64, _ state: NodeState? = nil, _ attributes: NFSAttributes? = nil
    ) {
        recent.end(number, attributes, now: Clock.milliseconds())
        noteChange(of: number)
        guard let state else { return }
        state.changesInFlight -= 1
        state.dropReadAhead()
        nodes.release(state.number)
    }

    /// Notes that a file, or a folder's names, may just have changed: at the beginning of a change
    /// and at its end.
    ///
    /// What was not fetched before can be told; where no folder is open, nothing was fetched.
    func noteChange(of number: UInt64) {
        guard directories.count > 0 else { return }
        guard let node = nodes[number] else { return changes.noteAll() }
        changes.note(node.handle)
    }

    /// Forgets what is known of a file's attributes: something else than a counted change may have
    /// altered them.
    func forgetAttributes(of number: UInt64) {
        recent.forget(number)
        noteChange(of: number)
    }

    /// As `noteChange`, for a name that goes: the file may have others, and has one less.
    func noteRemoval() {
        if directories.count > 0 { changes.noteRemoval() }
    }
}
