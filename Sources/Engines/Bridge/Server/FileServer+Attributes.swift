import CFUSE
import Glibc
import NFSWire
import Platform

extension FileServer {
    /// A file's attributes as the host sees them.
    func shown(_ attributes: NFSAttributes, of number: UInt64, export: Int) -> fuse_attr {
        var shown = fuse_attr()
        shown.ino = inode(attributes, export)
        shown.size = min(attributes.size, UInt64(Int64.max))
        shown.blocks = min(attributes.used, UInt64(Int64.max)) / 512
        shown.atime = UInt64(attributes.accessed.seconds)
        shown.mtime = UInt64(attributes.modified.seconds)
        shown.ctime = UInt64(attributes.changed.seconds)
        shown.atimensec = attributes.accessed.nanoseconds
        shown.mtimensec = attributes.modified.nanoseconds
        shown.ctimensec = attributes.changed.nanoseconds
        shown.mode = shownKind(attributes.type) | shownPermissions(attributes)
        let isHidden = nodes[number]?.state?.hidden != nil
        shown.nlink = isHidden ? attributes.links - min(1, attributes.links) : attributes.links
        shown.uid = options.faithful ? attributes.user : options.user
        shown.gid = options.faithful ? attributes.group : options.group
        if !options.isForCopying { shown.rdev = Self.deviceNumber(attributes) }
        shown.blksize = 1 << 16
        return shown
    }

    /// A file's kind as the upper bits of a mode.
    ///
    /// For copying, a device is a socket: a copy of one leads to nothing, whoever made it.
    func shownKind(_ type: NFSFileType) -> UInt32 {
        switch type {
        case .blockDevice, .characterDevice:
            options.isForCopying ? NFSFileType.socket.modeBits : type.modeBits
        default: type.modeBits
        }
    }

    /// Permission bits; for copying, without those that give a file's rights to others.
    private func shownPermissions(_ attributes: NFSAttributes) -> UInt32 {
        options.isForCopying ? attributes.mode & 0o777 : attributes.mode
    }

    /// An inode number that no other file of the folder has, as far as 64 bits allow.
    func inode(_ attributes: NFSAttributes, _ export: Int) -> UInt64 {
        var number = attributes.fileID
        let served = exports[export]
        // A file system may hold several (subvolumes), each with numbers of its own.
        if attributes.fileSystem != served.fileSystem {
            number ^= (attributes.fileSystem &* 0x9e37_79b9_7f4a_7c15) << 24
        }
        if exports.count > 1 { number ^= UInt64(export + 1) << 56 }
        return number
    }

    /// The device number as the kernel packs it into 32 bits.
    private static func deviceNumber(_ attributes: NFSAttributes) -> UInt32 {
        let major = attributes.deviceMajor & 0xfff
        let minor = attributes.deviceMinor & 0xfffff
        return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)
    }

    /// How long the kernel may keep a file's attributes, in seconds.
    ///
    /// The server still places blocks of what is not committed, and so changes how many there are.
    func attributeValidity(_ number: UInt64) -> UInt64 {
        guard let state = nodes[number]?.state, state.uncommittedBytes > 0 else {
            return Validity.long
        }
        return state.openCount > 0 ? Validity.short : Validity.settling
    }

    /// FUSE_GETATTR.
    func getAttributes(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        replyAttributes(message.unique, message.node, node)
    }

    /// Answers with a file's attributes; asks for them where they are not known.
    func replyAttributes(_ unique: UInt64, _ number: UInt64, _ node: NodeTable.Node) {
        let known = recent.attributes(
            number, generation: node.generation, now: Clock.milliseconds())
        if let known { return sendAttributes(unique, number, node.export, known) }
        call(.getAttributes(node.handle), as: NFSAttributesReply.self) { [unowned self] outcome in
            switch outcome {
            case .done(let reply): sendAttributes(unique, number, node.export, reply.attributes)
            case .failed(let errno): fail(unique, errno)
            }
        }
    }

    /// Answers with attributes.
    func sendAttributes(
        _ unique: UInt64, _ number: UInt64, _ export: Int, _ attributes: NFSAttributes
    ) {
        nodes.note(number, attributes)
        var answer = fuse_attr_out()
        answer.attr_valid = attributeValidity(number)
        answer.attr = shown(attributes, of: number, export: export)
        device?.reply(unique, answer)
    }

    /// FUSE_SETATTR.
    func setAttributes(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_setattr_in.self)
        else { return fail(message.unique, EINVAL) }
        let unique = message.unique
        let number = message.node
        let valid = Int32(truncatingIfNeeded: input.valid)
        guard let change = wantedChange(input, valid, node) else { return fail(unique, EPERM) }
        guard !change.isEmpty else { return replyAttributes(unique, number, node) }
        let state = change.size == nil ? nil : nodes.state(of: number)
        beginChange(of: number, state)
        call(.setAttributes(node.handle, change), as: NFSChangeReply.self) {
            [unowned self] outcome in
            switch outcome {
            case .failed(let errno):
                endChange(of: number, state)
                fail(unique, errno)
            case .done(let reply):
                endChange(of: number, state, reply.attributes)
                guard let attributes = reply.attributes else {
                    return replyAttributes(unique, number, node)
                }
                sendAttributes(unique, number, node.export, attributes)
            }
        }
    }

    /// What a request changes; nil where it would give the file to another owner than is shown.
    private func wantedChange(
        _ input: fuse_setattr_in, _ valid: Int32, _ node: NodeTable.Node
    ) -> SetAttributes? {
        var change = SetAttributes()
        if options.faithful {
            if valid & FATTR_UID != 0 { change.user = input.uid }
            if valid & FATTR_GID != 0 { change.group = input.gid }
        } else {
            if valid & FATTR_UID != 0 && input.uid != options.user { return nil }
            if valid & FATTR_GID != 0 && input.gid != options.group { return nil }
        }
        if valid & FATTR_SIZE != 0 {
            change.size = input.size
            // ftruncate(2) counts as a change even where the size stays.
            if valid & FATTR_FH != 0 { change.modified = .serverTime }
        }
        if valid & FATTR_ATIME_NOW != 0 {
            change.accessed = .serverTime
        } else if valid & FATTR_ATIME != 0 {
            change.accessed = .clientTime(Self.time(input.atime, input.atimensec))
        }
        if valid & FATTR_MTIME_NOW != 0 {
            change.modified = .serverTime
        } else if valid & FATTR_MTIME != 0 {
            change.modified = .clientTime(Self.time(input.mtime, input.mtimensec))
        }
        if valid & FATTR_MODE != 0 {
            change.mode = input.mode & 0o7777
        } else if valid & FATTR_KILL_SUIDGID != 0 {
            change.mode = Self.withoutPrivileges(node.mode)
        }
        return change
    }

    /// The mode without set-user and set-group bits; nil where it has none that count.
    static func withoutPrivileges(_ mode: UInt32) -> UInt32? {
        var kept = mode
        kept &= ~UInt32(S_ISUID)
        // Set-group without group execution once meant mandatory locking: no privilege.
        if mode & UInt32(S_IXGRP) != 0 { kept &= ~UInt32(S_ISGID) }
        return kept == mode ? nil : kept
    }

    /// The nearest time that the protocol can say: 1970 to 2106.
    private static func time(_ seconds: UInt64, _ nanoseconds: UInt32) -> NFSTime {
        let signed = Int64(bitPattern: seconds)
        if signed < 0 { return NFSTime(seconds: 0, nanoseconds: 0) }
        guard signed <= Int64(UInt32.max) else {
            return NFSTime(seconds: .max, nanoseconds: 0)
        }
        return NFSTime(seconds: UInt32(signed), nanoseconds: nanoseconds)
    }

    /// FUSE_STATFS.
    func fileSystemStatus(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        let unique = message.unique
        let nameLimit = exports[node.export].nameLimit
        call(.fileSystemStatus(exports[node.export].root), as: NFSSpaceReply.self) {
            [unowned self] outcome in
            switch outcome {
            case .failed(let errno): fail(unique, errno)
            case .done(let reply):
                var answer = fuse_statfs_out()
                answer.st.bsize = 4096
                answer.st.frsize = 4096
                answer.st.blocks = reply.totalBytes / 4096
                answer.st.bfree = reply.freeBytes / 4096
                answer.st.bavail = reply.availableBytes / 4096
                answer.st.files = reply.totalFiles
                answer.st.ffree = reply.freeFiles
                answer.st.namelen = nameLimit
                device?.reply(unique, answer)
            }
        }
    }
}

extension NFSFileType {
    /// The kind as the upper bits of a mode.
    var modeBits: UInt32 {
        switch self {
        case .regular: UInt32(S_IFREG)
        case .directory: UInt32(S_IFDIR)
        case .blockDevice: UInt32(S_IFBLK)
        case .characterDevice: UInt32(S_IFCHR)
        case .symbolicLink: UInt32(S_IFLNK)
        case .socket: UInt32(S_IFSOCK)
        case .fifo: UInt32(S_IFIFO)
        }
    }
}
