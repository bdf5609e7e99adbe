import CFUSE
import Glibc
import Platform

extension FileServer {
    /// Whether calls follow each other, and none waits beside another.
    var isOneAtATime: Bool {
        !requestsComeInBursts && nfs.outstanding + (agent?.pending ?? 0) <= 1
    }

    /// Takes requests while there are any and while there is room for them.
    ///
    /// A read that finds nothing costs as much as one that finds something: where requests come
    /// one at a time, the second is left to the next round.
    func takeRequests() {
        guard let device else { return }
        let limit = requestsComeInBursts ? 64 : 2
        var taken = 0
        while taken < limit, takesRequests, taken == 0 || requestsComeInBursts,
            let message = device.next()
        {
            taken += 1
            statistics.requests += 1
            dispatch(message)
        }
        let now = nfs.outstanding
        requestsComeInBursts = taken > 1 || now > 2
    }

    private func dispatch(_ message: FuseMessage) {
        switch message.opcode {
        case FUSE_FORGET, FUSE_BATCH_FORGET: forget(message)
        case FUSE_INIT: initialize(message)
        case FUSE_DESTROY: fail(message.unique, 0)
        case FUSE_INTERRUPT: interrupt(message)
        case FUSE_RELEASE: release(message)
        case FUSE_RELEASEDIR: releaseDirectory(message)
        default:
            guard guestFailure == nil else { return fail(message.unique, EIO) }
            if isSynthetic && message.node == NodeTable.root {
                dispatchSynthetic(message)
            } else {
                dispatchLive(message)
            }
        }
    }

    private func dispatchLive(_ message: FuseMessage) {
        switch message.opcode {
        case FUSE_LOOKUP: lookup(message)
        case FUSE_GETATTR: getAttributes(message)
        case FUSE_READ: read(message)
        case FUSE_OPEN: open(message)
        case FUSE_OPENDIR: openDirectory(message)
        case FUSE_READDIR: readDirectory(message, plus: false)
        case FUSE_READDIRPLUS: readDirectory(message, plus: true)
        case FUSE_READLINK: readLink(message)
        case FUSE_STATFS: fileSystemStatus(message)
        case FUSE_GETXATTR: getExtendedAttribute(message)
        case FUSE_LISTXATTR: listExtendedAttributes(message)
        case FUSE_FLUSH: flushFile(message)
        case FUSE_FSYNC: syncFile(message)
        case FUSE_FSYNCDIR: syncDirectory(message)
        case FUSE_LSEEK: seek(message)
        default: dispatchChange(message)
        }
    }

    private func dispatchChange(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        let change: ((FuseMessage) -> Void)? =
            switch message.opcode {
            case FUSE_SETATTR: setAttributes
            case FUSE_WRITE: write
            case FUSE_CREATE: create
            case FUSE_MKNOD: makeNode
            case FUSE_MKDIR: makeDirectory
            case FUSE_SYMLINK: symbolicLink
            case FUSE_LINK: link
            case FUSE_UNLINK: unlink
            case FUSE_RMDIR: removeDirectory
            case FUSE_RENAME, FUSE_RENAME2: rename
            case FUSE_FALLOCATE: allocate
            case FUSE_SETXATTR: setExtendedAttribute
            case FUSE_REMOVEXATTR: removeExtendedAttribute
            default: nil
            }
        // ENOSYS: the kernel does without, or says that it is not supported.
        guard let change else { return fail(message.unique, ENOSYS) }
        guard !isReadOnly(node.export) else { return fail(message.unique, EROFS) }
        change(message)
    }

    /// Has no answer of its own.
    private func interrupt(_ message: FuseMessage) {
        guard let input = message.argument(fuse_interrupt_in.self) else { return }
        interrupts.add(input.unique, now: Clock.milliseconds())
    }

    private func forget(_ message: FuseMessage) {
        if message.opcode == FUSE_FORGET {
            guard let input = message.argument(fuse_forget_in.self) else { return }
            return nodes.forget(message.node, input.nlookup)
        }
        guard let input = message.argument(fuse_batch_forget_in.self) else { return }
        let size = MemoryLayout<fuse_forget_one>.size
        let first = MemoryLayout<fuse_batch_forget_in>.size
        for index in 0..<Int(input.count) where first + (index + 1) * size <= message.body.count {
            let one = message.body.loadUnaligned(
                fromByteOffset: first + index * size, as: fuse_forget_one.self)
            nodes.forget(one.nodeid, one.nlookup)
        }
    }

    private func initialize(_ message: FuseMessage) {
        // Older kernels send a shorter structure; what is missing is zero.
        var offer = fuse_init_in()
        withUnsafeMutableBytes(of: &offer) { target in
            target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: message.body.prefix(target.count)))
        }
        guard let answer = FuseNegotiation.answer(to: offer, transfer: transfer) else {
            return fail(message.unique, EPROTO)
        }
        device?.reply(message.unique, answer)
        isInitialized = true
    }
}
