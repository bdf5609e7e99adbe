import CFUSE
import Glibc
import GuestWire
import NFSWire

// Extended attributes, allocation and holes: NFSv3 has no words for them, the agent does.
//
// A call of the agent costs the guest several system calls, and `ls -l` asks for attributes of
// every file. So what cannot mean anything on the host is answered here: ACLs name users of
// the disk, not of the host, and neither capabilities nor labels of the disk count on a mount that
// ignores set-user bits. With owners shown as they are, all but ACLs and labels is passed on.

extension FileServer {
    private static let user = Array("user.".utf8)
    private static let accessLists = Array("system.posix_acl_".utf8)
    private static let security = Array("security.".utf8)
    private static let capability = Array("security.capability".utf8)

    /// Whether an attribute is passed on at all.
    ///
    /// The others are answered with EOPNOTSUPP: a program that asks for them of every file, as
    /// `ls -l` does, stops asking when it hears that once.
    private func isPassedOn(_ name: some Collection<UInt8>) -> Bool {
        if name.starts(with: Self.user) { return true }
        guard options.faithful, !name.starts(with: Self.accessLists) else { return false }
        guard name.starts(with: Self.security) else { return true }
        return name.elementsEqual(Self.capability) && !options.isForCopying
    }

    /// Whether the agent has to be asked about an attribute.
    private func isAnswered(_ name: [UInt8], _ node: NodeTable.Node) -> Bool {
        agent != nil && isPassedOn(name)
            && !(exports[node.export].lacksAttributes && name.starts(with: Self.user))
    }

    /// Asks the agent about a file.
    private func ask(
        _ unique: UInt64, _ node: NodeTable.Node, _ request: Request,
        _ body: @escaping (Reply) -> Void
    ) {
        guard let agent else { return fail(unique, EOPNOTSUPP) }
        agent.ask(request) { [unowned self] reply in
            guard let reply else { return fail(unique, EIO) }
            guard case .failed(let failure) = reply else { return body(reply) }
            if failure.errno == EOPNOTSUPP, Self.isAboutUserAttribute(request) {
                exports[node.export].lacksAttributes = true
            }
            fail(unique, failure.errno > 0 ? failure.errno : EIO)
        }
    }

    /// Whether a request names an attribute of users: its refusal holds for the whole export.
    private static func isAboutUserAttribute(_ request: Request) -> Bool {
        switch request {
        case .getAttribute(_, let name), .setAttribute(_, let name, _, _):
            name.starts(with: user)
        default: false
        }
    }

    /// Answers with a value, or its length where the caller has given no room.
    private func replyValue(_ unique: UInt64, _ value: [UInt8], room: UInt32) {
        if room == 0 {
            var answer = fuse_getxattr_out()
            answer.size = UInt32(value.count)
            device?.reply(unique, answer)
        } else if value.count > Int(room) {
            fail(unique, ERANGE)
        } else {
            value.withUnsafeBytes { _ = device?.reply(unique, bytes: $0) }
        }
    }

    /// FUSE_GETXATTR.
    func getExtendedAttribute(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_getxattr_in.self),
            let name = message.name(at: MemoryLayout<fuse_getxattr_in>.size)
        else { return }
        let unique = message.unique
        guard isAnswered(name, node) else { return fail(unique, EOPNOTSUPP) }
        // The kernel asks for capabilities at every chown, also of what was just made.
        if node.isNew && name.elementsEqual(Self.capability) { return fail(unique, ENODATA) }
        ask(unique, node, .getAttribute(handle: node.handle.bytes, name: name)) {
            [unowned self] reply in
            guard case .data(let value) = reply else { return fail(unique, EIO) }
            replyValue(unique, value, room: input.size)
        }
    }

    /// FUSE_LISTXATTR.
    func listExtendedAttributes(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_getxattr_in.self)
        else { return }
        let unique = message.unique
        guard agent != nil, options.faithful || !exports[node.export].lacksAttributes else {
            return replyValue(unique, [], room: input.size)
        }
        ask(unique, node, .listAttributes(handle: node.handle.bytes)) { [unowned self] reply in
            guard case .data(let list) = reply else { return fail(unique, EIO) }
            replyValue(unique, shownNames(list), room: input.size)
        }
    }

    /// The names in a list that can be asked for one by one.
    private func shownNames(_ list: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        for name in list.split(separator: 0) where name.count <= NFSLimits.name {
            guard isPassedOn(name) else { continue }
            shown += name
            shown.append(0)
        }
        return shown
    }

    /// FUSE_SETXATTR: the fixed part without its extension, the name, the value.
    func setExtendedAttribute(_ message: FuseMessage) {
        let fixed = Int(FUSE_COMPAT_SETXATTR_IN_SIZE)
        guard let node = node(of: message), message.body.count >= fixed,
            let name = message.name(at: fixed)
        else { return }
        let unique = message.unique
        let size = Int(message.body.loadUnaligned(as: UInt32.self))
        let flags = message.body.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let start = fixed + name.count + 1
        guard size <= GuestWire.Limits.attributeValue, start + size <= message.body.count else {
            return fail(unique, E2BIG)
        }
        guard isAnswered(name, node) else { return fail(unique, EOPNOTSUPP) }
        let value = Array(message.body[start..<start + size])
        let request = Request.setAttribute(
            handle: node.handle.bytes, name: name, value: value, flags: flags)
        forgetAttributes(of: message.node)
        nodes.noteAttributes(message.node)
        let number = message.node
        ask(unique, node, request) { [unowned self] _ in
            forgetAttributes(of: number)
            fail(unique, 0)
        }
    }

    /// FUSE_REMOVEXATTR.
    func removeExtendedAttribute(_ message: FuseMessage) {
        guard let node = node(of: message), let name = message.name() else { return }
        let unique = message.unique
        guard isAnswered(name, node) else { return fail(unique, EOPNOTSUPP) }
        forgetAttributes(of: message.node)
        let number = message.node
        ask(unique, node, .removeAttribute(handle: node.handle.bytes, name: name)) {
            [unowned self] _ in
            forgetAttributes(of: number)
            fail(unique, 0)
        }
    }

    /// FUSE_FALLOCATE.
    func allocate(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_fallocate_in.self)
        else { return }
        let unique = message.unique
        guard agent != nil else { return fail(unique, EOPNOTSUPP) }
        let number = message.node
        let state = nodes.state(of: number)
        beginChange(of: number, state)
        let request = Request.allocate(
            handle: node.handle.bytes, mode: input.mode, offset: input.offset,
            length: input.length)
        let allocate = { [unowned self] (errno: Int32) in
            guard errno == 0, let agent else {
                endChange(of: number, state)
                return fail(unique, errno == 0 ? EOPNOTSUPP : errno)
            }
            agent.ask(request) { [unowned self] reply in
                endChange(of: number, state)
                fail(unique, Self.errno(of: reply))
            }
        }
        // The request does not say whether the caller may keep them (HANDLE_KILLPRIV_V2): on the
        // host that takes CAP_FSETID, which user 0 has.
        guard message.header.uid != 0, let mode = Self.withoutPrivileges(node.mode) else {
            return allocate(0)
        }
        setMode(of: number, node, mode, allocate)
    }

    /// FUSE_LSEEK: where data or a hole begins.
    func seek(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_lseek_in.self)
        else { return }
        let unique = message.unique
        // ENOSYS: the kernel takes the whole file for data.
        guard agent != nil else { return fail(unique, ENOSYS) }
        let request = Request.seek(
            handle: node.handle.bytes, offset: input.offset, whence: input.whence)
        ask(unique, node, request) { [unowned self] reply in
            guard case .position(let position) = reply, position <= UInt64(Int64.max) else {
                return fail(unique, EIO)
            }
            device?.reply(unique, fuse_lseek_out(offset: position))
        }
    }
}
