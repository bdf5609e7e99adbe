import CFUSE
import Glibc
import NFSWire

extension FileServer {
    /// What a new file starts with: the caller's mode, and on the disk its folder's owner, or the
    /// caller where owners are shown as they are.
    private func newAttributes(
        in parent: NodeTable.Node, _ message: FuseMessage, mode: UInt32?
    ) -> SetAttributes {
        var attributes = SetAttributes()
        attributes.mode = mode.map { $0 & 0o7777 }
        let user = options.faithful ? message.header.uid : parent.user
        let group = options.faithful ? message.header.gid : parent.group
        // The server makes files as user 0, group 0; in a set-group folder it passes on the group.
        if user != 0 { attributes.user = user }
        if group != 0 && parent.mode & UInt32(S_ISGID) == 0 { attributes.group = group }
        return attributes
    }

    /// The folder and new name of a creation; answers the request where it cannot be.
    private func place(
        _ message: FuseMessage, nameAt offset: Int
    ) -> (parent: NodeTable.Node, name: [UInt8])? {
        guard let parent = node(of: message) else { return nil }
        guard let name = message.name(at: offset), !name.isEmpty else {
            fail(message.unique, EINVAL)
            return nil
        }
        guard !Self.isHidden(name), !isTooLong(name, parent.export) else {
            fail(message.unique, Self.isHidden(name) ? EPERM : ENAMETOOLONG)
            return nil
        }
        return (parent, name)
    }

    /// Calls for a creation and answers with the new file.
    private func make(
        _ unique: UInt64, in parent: NodeTable.Node, _ name: [UInt8], _ request: NFSRequest
    ) {
        call(request, as: NFSCreateReply.self) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno): fail(unique, errno)
            case .done(let reply):
                withHandle(reply, parent, name) { [unowned self] outcome in
                    switch outcome {
                    case .failed(let errno): fail(unique, errno)
                    case .done(let (handle, attributes)):
                        learnSpelling(parent, name, handle)
                        replyEntry(unique, handle, parent.export, attributes)
                    }
                }
            }
        }
    }

    /// Gives the new file's handle: the server's, or what its name leads to.
    private func withHandle(
        _ reply: NFSCreateReply, _ parent: NodeTable.Node, _ name: [UInt8],
        _ body: @escaping (Outcome<(FileHandle, NFSAttributes?)>) -> Void
    ) {
        if let handle = reply.handle { return body(.done((handle, reply.attributes))) }
        call(.lookup(parent.handle, name: name), as: NFSLookupReply.self) { outcome in
            switch outcome {
            case .done(let found): body(.done((found.handle, found.attributes)))
            case .failed(let errno): body(.failed(errno: errno))
            }
        }
    }

    /// FUSE_MKDIR.
    func makeDirectory(_ message: FuseMessage) {
        guard let input = message.argument(fuse_mkdir_in.self),
            let (parent, name) = place(message, nameAt: MemoryLayout<fuse_mkdir_in>.size)
        else { return }
        let attributes = newAttributes(in: parent, message, mode: input.mode)
        make(
            message.unique, in: parent, name,
            .makeDirectory(parent.handle, name: name, attributes))
    }

    /// FUSE_SYMLINK: the name, then the target.
    func symbolicLink(_ message: FuseMessage) {
        guard let (parent, name) = place(message, nameAt: 0) else { return }
        guard let target = message.name(at: name.count + 1) else {
            return fail(message.unique, EINVAL)
        }
        let attributes = newAttributes(in: parent, message, mode: 0o777)
        make(
            message.unique, in: parent, name,
            .symbolicLink(parent.handle, name: name, attributes, target: target))
    }

    /// FUSE_MKNOD.
    func makeNode(_ message: FuseMessage) {
        guard let input = message.argument(fuse_mknod_in.self),
            let (parent, name) = place(message, nameAt: MemoryLayout<fuse_mknod_in>.size)
        else { return }
        let attributes = newAttributes(in: parent, message, mode: input.mode)
        let major = (input.rdev >> 8) & 0xfff
        let minor = (input.rdev & 0xff) | ((input.rdev >> 12) & 0xfff00)
        let special: NFSSpecialFile
        switch input.mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG), 0:
            return make(
                message.unique, in: parent, name,
                .create(parent.handle, name: name, attributes, exclusive: true))
        case UInt32(S_IFCHR): special = .characterDevice(major: major, minor: minor)
        case UInt32(S_IFBLK): special = .blockDevice(major: major, minor: minor)
        case UInt32(S_IFSOCK): special = .socket
        case UInt32(S_IFIFO): special = .fifo
        default: return fail(message.unique, EINVAL)
        }
        make(
            message.unique, in: parent, name,
            .makeNode(parent.handle, name: name, attributes, special))
    }

    /// FUSE_CREATE: make and open.
    func create(_ message: FuseMessage) {
        guard let input = message.argument(fuse_create_in.self),
            let (parent, name) = place(message, nameAt: MemoryLayout<fuse_create_in>.size)
        else { return }
        let unique = message.unique
        let flags = Int32(bitPattern: input.flags)
        var attributes = newAttributes(in: parent, message, mode: input.mode)
        if flags & O_TRUNC != 0 { attributes.size = 0 }
        let request = NFSRequest.create(
            parent.handle, name: name, attributes, exclusive: flags & O_EXCL != 0)
        call(request, as: NFSCreateReply.self) { [unowned self] outcome in
            guard case .done(let reply) = outcome else {
                if case .failed(let errno) = outcome { fail(unique, errno) }
                return
            }
            withHandle(reply, parent, name) { [unowned self] outcome in
                switch outcome {
                case .failed(let errno): fail(unique, errno)
                case .done(let (handle, attributes)):
                    learnSpelling(parent, name, handle)
                    replyCreated(unique, handle, parent.export, attributes, flags)
                }
            }
        }
    }

    private func replyCreated(
        _ unique: UInt64, _ handle: FileHandle, _ export: Int, _ attributes: NFSAttributes?,
        _ flags: Int32
    ) {
        withAttributes(handle, attributes) { [unowned self] outcome in
            guard case .done(let attributes) = outcome else {
                if case .failed(let errno) = outcome { fail(unique, errno) }
                return
            }
            let entry = entry(handle, export, attributes)
            guard let opened = openFile(entry.nodeid, flags) else { return fail(unique, EIO) }
            nodes[entry.nodeid]?.state?.dropReadAhead()
            if device?.reply(unique, entry, opened) != true {
                closeFile(opened.fh)
                nodes.forget(entry.nodeid, 1)
            }
        }
    }

    /// FUSE_LINK: the request is about the folder, the file comes as an argument.
    func link(_ message: FuseMessage) {
        guard let input = message.argument(fuse_link_in.self),
            let (parent, name) = place(message, nameAt: MemoryLayout<fuse_link_in>.size)
        else { return }
        let unique = message.unique
        guard let file = nodes[input.oldnodeid] else { return fail(unique, ESTALE) }
        guard file.export == parent.export else { return fail(unique, EXDEV) }
        let request = NFSRequest.link(file.handle, directory: parent.handle, name: name)
        call(request, as: NFSLinkReply.self) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno): fail(unique, errno)
            case .done(let reply):
                replyEntry(unique, file.handle, file.export, reply.attributes)
            }
        }
    }
}
