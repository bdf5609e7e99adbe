import CFUSE
import Glibc
import NFSWire

// A file whose last name goes while it is open must live on until it is closed. NFSv3 has no
// open files, so it gets a hidden name first: in a hidden folder of the export's root, or beside
// its old name where it cannot be moved there.

extension FileServer {
    /// FUSE_UNLINK.
    func unlink(_ message: FuseMessage) {
        guard let parent = node(of: message), let name = message.name() else { return }
        let unique = message.unique
        guard !Self.isHidden(name) else { return fail(unique, ENOENT) }
        let folder = message.node
        let request = NFSRequest.remove(parent.handle, name: name)
        guard files.count > 0 else { return remove(unique, folder, request) }
        lookUpVictim(parent, name) { [unowned self] victim in
            guard let victim else { return remove(unique, folder, request) }
            let noteIt = { [unowned self] in
                recent.forgetAll()
                noteChange(of: folder)
                noteChange(of: victim)
                noteRemoval()
            }
            noteIt()
            moveAside(victim, parent, name) { [unowned self] errno in
                noteIt()
                fail(unique, errno)
            }
        }
    }

    private func remove(_ unique: UInt64, _ folder: UInt64, _ request: NFSRequest) {
        beginChange(of: folder)
        recent.forgetLinked()
        noteRemoval()
        call(request, as: NFSChangeReply.self) { [unowned self] outcome in
            recent.forgetLinked()
            noteRemoval()
            switch outcome {
            case .failed(let errno):
                endChange(of: folder)
                fail(unique, errno)
            case .done(let reply):
                endChange(of: folder, nil, reply.attributes)
                fail(unique, 0)
            }
        }
    }

    /// FUSE_RMDIR.
    func removeDirectory(_ message: FuseMessage) {
        guard let parent = node(of: message), let name = message.name() else { return }
        let unique = message.unique
        guard !Self.isHidden(name) else { return fail(unique, ENOENT) }
        remove(unique, message.node, .removeDirectory(parent.handle, name: name))
    }

    /// An open file that would lose its last name with this one; nil where there is none.
    private func lookUpVictim(
        _ parent: NodeTable.Node, _ name: [UInt8], _ body: @escaping (UInt64?) -> Void
    ) {
        call(.lookup(parent.handle, name: name), as: NFSLookupReply.self) {
            [unowned self] outcome in
            guard case .done(let reply) = outcome,
                let number = nodes.number(of: reply.handle, export: parent.export),
                let state = nodes[number]?.state, state.openCount > 0,
                reply.attributes?.type != .directory, (reply.attributes?.links ?? 1) <= 1
            else { return body(nil) }
            body(number)
        }
    }

    /// Moves an open file's last name to a hidden one; gives an errno, 0 for success.
    private func moveAside(
        _ number: UInt64, _ parent: NodeTable.Node, _ name: [UInt8],
        _ body: @escaping (Int32) -> Void
    ) {
        let hiddenName = nextHiddenName(parent.export)
        withHiddenFolder(parent.export) { [unowned self] folder in
            let target = folder ?? parent.handle
            move(parent.handle, name, target, hiddenName) { [unowned self] errno in
                if errno == 0 {
                    hide(number, parent.export, target, hiddenName)
                    return body(0)
                }
                guard folder != nil else { return body(errno) }
                move(parent.handle, name, parent.handle, hiddenName) { [unowned self] errno in
                    if errno == 0 { hide(number, parent.export, parent.handle, hiddenName) }
                    body(errno)
                }
            }
        }
    }

    private func move(
        _ from: FileHandle, _ name: [UInt8], _ to: FileHandle, _ newName: [UInt8],
        _ body: @escaping (Int32) -> Void
    ) {
        call(.rename(from, name: name, to: to, newName: newName), as: NFSNothing.self) { outcome in
            switch outcome {
            case .done: body(0)
            case .failed(let errno): body(errno)
            }
        }
    }

    /// Notes under which name an open file lives on; it may have been closed meanwhile.
    private func hide(
        _ number: UInt64, _ export: Int, _ directory: FileHandle, _ name: [UInt8]
    ) {
        let hidden = NodeState.Hidden(export: export, directory: directory, name: name)
        guard let state = nodes[number]?.state, state.openCount > 0 else {
            return removeHidden(hidden)
        }
        state.hidden = hidden
    }

    /// FUSE_RENAME and FUSE_RENAME2.
    ///
    /// Of the flags only RENAME_NOREPLACE is known: the kernel has looked, holds both folders,
    /// and nobody else changes them. The others are EINVAL, as on other network file systems.
    func rename(_ message: FuseMessage) {
        var offset = MemoryLayout<fuse_rename_in>.size
        var flags: UInt32 = 0
        if message.opcode == FUSE_RENAME2 {
            offset = MemoryLayout<fuse_rename2_in>.size
            flags = message.argument(fuse_rename2_in.self)?.flags ?? 0
        }
        let unique = message.unique
        guard let from = node(of: message), let input = message.argument(fuse_rename_in.self)
        else { return }
        guard let name = message.name(at: offset),
            let newName = message.name(at: offset + name.count + 1), flags & ~1 == 0
        else { return fail(unique, EINVAL) }
        guard let to = nodes[input.newdir] else { return fail(unique, ESTALE) }
        guard from.export == to.export else { return fail(unique, EXDEV) }
        guard !Self.isHidden(name) else { return fail(unique, ENOENT) }
        guard !Self.isHidden(newName) else { return fail(unique, EPERM) }
        guard !isTooLong(name, from.export), !isTooLong(newName, to.export) else {
            return fail(unique, ENAMETOOLONG)
        }
        put(newName, into: input.newdir, to)
        let number = message.node
        let noteIt = { [unowned self] in
            recent.forgetAll()
            noteChange(of: number)
            noteChange(of: input.newdir)
            noteRemoval()
        }
        noteIt()
        let finish = { [unowned self] in
            move(from.handle, name, to.handle, newName) { [unowned self] errno in
                noteIt()
                fail(unique, errno)
            }
        }
        guard files.count > 0, flags == 0 else { return finish() }
        lookUpVictim(to, newName) { [unowned self] victim in
            guard let victim else { return finish() }
            lookUpVictim(from, name) { [unowned self] source in
                // Another spelling of the same name: nothing is replaced.
                guard source != victim else { return finish() }
                keepAside(victim, to, newName) { [unowned self] errno, undo in
                    guard errno == 0 else { return fail(unique, errno) }
                    move(from.handle, name, to.handle, newName) { [unowned self] errno in
                        noteIt()
                        if errno != 0 { undo() }
                        fail(unique, errno)
                    }
                }
            }
        }
    }

    /// Gives an open file a second, hidden name before its last one is replaced, so that the old
    /// name is never without a file; moves it aside where the file system has no hard links.
    ///
    /// - Parameter body: gets an errno, 0 for success, and what takes the step back.
    private func keepAside(
        _ number: UInt64, _ parent: NodeTable.Node, _ name: [UInt8],
        _ body: @escaping (_ errno: Int32, _ undo: @escaping () -> Void) -> Void
    ) {
        let hiddenName = nextHiddenName(parent.export)
        let moveInstead = { [unowned self] in
            moveAside(number, parent, name) { [unowned self] errno in
                body(errno) { [unowned self] in
                    guard let hidden = nodes[number]?.state?.hidden else { return }
                    nodes[number]?.state?.hidden = nil
                    move(hidden.directory, hidden.name, parent.handle, name) { _ in }
                }
            }
        }
        withHiddenFolder(parent.export) { [unowned self] folder in
            guard let folder, let node = nodes[number] else { return moveInstead() }
            let request = NFSRequest.link(node.handle, directory: folder, name: hiddenName)
            call(request, as: NFSLinkReply.self) { [unowned self] outcome in
                guard case .done = outcome else { return moveInstead() }
                hide(number, parent.export, folder, hiddenName)
                body(0) { [unowned self] in
                    guard let hidden = nodes[number]?.state?.hidden else { return }
                    nodes[number]?.state?.hidden = nil
                    removeHidden(hidden)
                }
            }
        }
    }
}
