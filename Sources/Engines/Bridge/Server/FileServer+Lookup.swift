import CFUSE
import Glibc
import NFSWire

extension FileServer {
    /// Names of this beginning are the bridge's own and cannot be seen or made.
    ///
    /// Short, because minix has names of 14 bytes: four here, five for the bridge, five to count.
    static let hiddenPrefix = Array(".cw~".utf8)

    /// Whether a name is the bridge's own.
    static func isHidden(_ name: some Collection<UInt8>) -> Bool {
        name.count >= hiddenPrefix.count && name.starts(with: hiddenPrefix)
    }

    /// Whether a name is longer than any of the export can be.
    func isTooLong(_ name: [UInt8], _ export: Int) -> Bool {
        name.count > Int(exports[export].nameLimit)
    }

    /// FUSE_LOOKUP.
    func lookup(_ message: FuseMessage) {
        guard let node = node(of: message), let name = message.name() else {
            return fail(message.unique, EINVAL)
        }
        let unique = message.unique
        // "." and "..": the kernel finds a file again by its number, for handles that it gave out.
        if name == [0x2e] { return replyEntry(unique, node.handle, node.export, nil) }
        guard !isTooLong(name, node.export) else { return fail(unique, ENAMETOOLONG) }
        let folder = NewFolders.Folder(number: message.node, generation: node.generation)
        guard !Self.isHidden(name), !newFolders.lacks(name, in: folder) else {
            return replyNoEntry(unique, node.export)
        }
        call(.lookup(node.handle, name: name), as: NFSLookupReply.self) { [unowned self] outcome in
            switch outcome {
            case .done(let reply):
                replyEntry(unique, reply.handle, node.export, reply.attributes)
            case .failed(ENOENT): replyNoEntry(unique, node.export)
            case .failed(let errno): fail(unique, errno)
            }
        }
    }

    /// Answers that a name is not there, which the kernel may remember.
    private func replyNoEntry(_ unique: UInt64, _ export: Int) {
        guard exports[export].keepsNames else { return fail(unique, ENOENT) }
        var answer = fuse_entry_out()
        answer.entry_valid = Validity.long
        device?.reply(unique, answer)
    }

    /// Answers with a file, after asking for its attributes where they are not known.
    func replyEntry(
        _ unique: UInt64, _ handle: FileHandle, _ export: Int, _ attributes: NFSAttributes?
    ) {
        withAttributes(handle, attributes) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno):
                if let number = nodes.number(of: handle, export: export) { nodes.release(number) }
                fail(unique, errno)
            case .done(let attributes):
                let answer = entry(handle, export, attributes)
                let delivered = device?.reply(unique, answer) ?? false
                if !delivered { nodes.forget(answer.nodeid, 1) }
            }
        }
    }

    /// A file as the kernel wants to be told of it; counts as told.
    func entry(
        _ handle: FileHandle, _ export: Int, _ attributes: NFSAttributes
    ) -> fuse_entry_out {
        let (number, generation) = nodes.enter(handle, export: export, attributes)
        var entry = fuse_entry_out()
        entry.nodeid = number
        entry.generation = UInt64(generation)
        entry.entry_valid = exports[export].keepsNames ? Validity.long : Validity.short
        entry.attr_valid = attributeValidity(number)
        entry.attr = shown(attributes, of: number, export: export)
        return entry
    }

    /// Gives a file's attributes: those that are known, or the server's.
    func withAttributes(
        _ handle: FileHandle, _ known: NFSAttributes?,
        _ body: @escaping (Outcome<NFSAttributes>) -> Void
    ) {
        if let known { return body(.done(known)) }
        call(.getAttributes(handle), as: NFSAttributesReply.self) { outcome in
            switch outcome {
            case .done(let reply): body(.done(reply.attributes))
            case .failed(let errno): body(.failed(errno: errno))
            }
        }
    }

    /// FUSE_READLINK.
    func readLink(_ message: FuseMessage) {
        guard let node = node(of: message) else { return }
        let unique = message.unique
        call(.readLink(node.handle), as: NFSLinkTargetReply.self) { [unowned self] outcome in
            switch outcome {
            case .failed(let errno): fail(unique, errno)
            case .done(let reply):
                // A target ends at its first NUL for every program that reads it.
                let target = reply.target.prefix { $0 != 0 }
                guard !target.isEmpty else { return fail(unique, EIO) }
                target.withUnsafeBytes { _ = device?.reply(unique, bytes: $0) }
            }
        }
    }
}
