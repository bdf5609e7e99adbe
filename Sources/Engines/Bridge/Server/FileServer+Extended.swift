import CFUSE
import Glibc
import GuestWire
import NFSWire

// Extended attributes, allocation and holes: NFSv3 has no words for them, the agent does.
//
// A call of the agent costs the guest several system calls, and `ls -l` asks for attributes of
// every file. So what cannot mean anything on the host is answered here: ACLs name users of
// the disk, not of the host, and neither capabilities nor labels of the disk count on a mount that
// ignores set-user bits. With owners shown as they are, everything but ACLs is passed on.

extension FileServer {
    private static let user = Array("user.".utf8)
    private static let accessLists = Array("system.posix_acl_".utf8)

    /// What to answer without asking the agent; nil where it has to be asked.
    private func verdict(on name: [UInt8], _ node: NodeTable.Node, reading: Bool) -> Int32? {
        guard agent != nil, !exports[node.export].lacksAttributes else { return EOPNOTSUPP }
        if name.starts(with: Self.accessLists) { return EOPNOTSUPP }
        if options.faithful || name.starts(with: Self.user) { return nil }
        return reading ? ENODATA : EOPNOTSUPP
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
            let isAttribute: Bool =
                switch request {
                case .getAttribute, .listAttributes, .setAttribute: true
                default: false
                }
            if failure.errno == EOPNOTSUPP && isAttribute && !options.faithful {
                exports[node.export].lacksAttributes = true
            }
            fail(unique, failure.errno > 0 ? failure.errno : EIO)
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
        if let errno = verdict(on: name, node, reading: true) { return fail(unique, errno) }
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
        guard agent != nil, !exports[node.export].lacksAttributes else {
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
            if name.starts(with: Self.accessLists) { continue }
            guard options.faithful || name.starts(with: Self.user) else { continue }
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
        if let errno = verdict(on: name, node, reading: false) { return fail(unique, errno) }
        let value = Array(message.body[start..<start + size])
        let request = Request.setAttribute(
            handle: node.handle.bytes, name: name, value: value, flags: flags)
        ask(unique, node, request) { [unowned self] _ in fail(unique, 0) }
    }

    /// FUSE_REMOVEXATTR.
    func removeExtendedAttribute(_ message: FuseMessage) {
        guard let node = node(of: message), let name = message.name() else { return }
        let unique = message.unique
        if let errno = verdict(on: name, node, reading: false) { return fail(unique, errno) }
        ask(unique, node, .removeAttribute(handle: node.handle.bytes, name: name)) {
            [unowned self] _ in fail(unique, 0)
        }
    }

    /// FUSE_FALLOCATE.
    func allocate(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_fallocate_in.self)
        else { return }
        let unique = message.unique
        guard agent != nil else { return fail(unique, EOPNOTSUPP) }
        let state = nodes.state(of: message.node)
        beginChange(state)
        let request = Request.allocate(
            handle: node.handle.bytes, mode: input.mode, offset: input.offset,
            length: input.length)
        agent?.ask(request) { [unowned self] reply in
            endChange(state)
            fail(unique, Self.errno(of: reply))
        }
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
