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
        put(name, into: message.node, parent)
        return (parent, name)
    }

    /// Notes that a name may soon be in a folder.
    func put(_ name: [UInt8], into number: UInt64, _ folder: NodeTable.Node) {
        newFolders.put(name, into: .init(number: number, generation: folder.generation))
    }

    /// Calls for a creation and answers with the new file.
    private func make(
        _ message: FuseMessage, in parent: NodeTable.Node, _ name: [UInt8],
        _ request: NFSRequest
    ) {
        let unique = message.unique
        callToCreate(request, in: message.node) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno): fail(unique, errno)
            case .done(let reply):
                withHandle(reply, parent, name) { [unowned self] outcome in
                    switch outcome {
                    case .failed(let errno): fail(unique, errno)
                    case .done(let (handle, attributes)):
                        learnSpelling(parent, name, handle)
                        nodes.enterNew(handle, export: parent.export)
                        noteNewFolder(request, handle, parent.export, attributes)
                        replyEntry(unique, handle, parent.export, attributes)
                    }
                }
            }
        }
    }

    /// Calls for a creation in a folder.
    private func callToCreate(
        _ request: NFSRequest, in folder: UInt64,
        _ body: @escaping (Outcome<NFSCreateReply>) -> Void
    ) {
        beginChange(of: folder)
        call(request, as: NFSCreateReply.self) { [unowned self] outcome in
            if case .done(let reply) = outcome {
                endChange(of: folder, nil, reply.directory)
            } else {
                endChange(of: folder)
            }
            body(outcome)
        }
    }

    /// Remembers that a folder that was just made is empty.
    private func noteNewFolder(
        _ request: NFSRequest, _ handle: FileHandle, _ export: Int, _ attributes: NFSAttributes?
    ) {
        guard case .makeDirectory = request, exports[export].keepsNames else { return }
        let (number, generation) = nodes.enter(
            handle, export: export, attributes, counted: false)
        newFolders.add(.init(number: number, generation: generation))
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
            message, in: parent, name,
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
            message, in: parent, name,
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
                message, in: parent, name,
                .create(parent.handle, name: name, attributes, exclusive: true))
        case UInt32(S_IFCHR): special = .characterDevice(major: major, minor: minor)
        case UInt32(S_IFBLK): special = .blockDevice(major: major, minor: minor)
        case UInt32(S_IFSOCK): special = .socket
        case UInt32(S_IFIFO): special = .fifo
        default: return fail(message.unique, EINVAL)
        }
        make(
            message, in: parent, name,
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
        callToCreate(request, in: message.node) { [unowned self] outcome in
            guard case .done(let reply) = outcome else {
                if case .failed(let errno) = outcome { fail(unique, errno) }
                return
            }
            withHandle(reply, parent, name) { [unowned self] outcome in
                switch outcome {
                case .failed(let errno): fail(unique, errno)
                case .done(let (handle, attributes)):
                    learnSpelling(parent, name, handle)
                    nodes.enterNew(handle, export: parent.export)
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
        let folder = message.node
        beginChange(of: folder)
        beginChange(of: input.oldnodeid)
        call(request, as: NFSLinkReply.self) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno):
                endChange(of: folder)
                endChange(of: input.oldnodeid)
                fail(unique, errno)
            case .done(let reply):
                endChange(of: folder, nil, reply.directory)
                endChange(of: input.oldnodeid, nil, reply.attributes)
                replyEntry(unique, file.handle, file.export, reply.attributes)
            }
        }
    }
}
