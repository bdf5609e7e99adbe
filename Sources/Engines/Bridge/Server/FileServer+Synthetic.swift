import CFUSE
import Glibc
import NFSWire
import Platform

// The folder itself, where it holds several exports: read-only, one sub-folder for each.

extension FileServer {
    /// Requests about the folder itself.
    func dispatchSynthetic(_ message: FuseMessage) {
        switch message.opcode {
        case FUSE_LOOKUP: lookupExport(message)
        case FUSE_GETATTR:
            var answer = fuse_attr_out()
            answer.attr_valid = Validity.long
            answer.attr = syntheticAttributes
            device?.reply(message.unique, answer)
        case FUSE_OPENDIR: device?.reply(message.unique, fuse_open_out())
        case FUSE_READDIR, FUSE_READDIRPLUS:
            listExports(message, plus: message.opcode == FUSE_READDIRPLUS)
        case FUSE_STATFS:
            var answer = fuse_statfs_out()
            answer.st.bsize = 4096
            answer.st.frsize = 4096
            answer.st.namelen = UInt32(NFSLimits.name)
            device?.reply(message.unique, answer)
        case FUSE_FSYNCDIR: fail(message.unique, 0)
        case FUSE_GETXATTR: fail(message.unique, EOPNOTSUPP)
        case FUSE_LISTXATTR:
            let input = message.argument(fuse_getxattr_in.self)
            if input?.size == 0 {
                device?.reply(message.unique, fuse_getxattr_out())
            } else {
                fail(message.unique, 0)
            }
        case FUSE_SETATTR, FUSE_CREATE, FUSE_MKNOD, FUSE_MKDIR, FUSE_SYMLINK, FUSE_LINK,
            FUSE_UNLINK, FUSE_RMDIR, FUSE_RENAME, FUSE_RENAME2, FUSE_SETXATTR, FUSE_REMOVEXATTR:
            fail(message.unique, EROFS)
        default: fail(message.unique, ENOSYS)
        }
    }

    private var syntheticAttributes: fuse_attr {
        var attributes = fuse_attr()
        attributes.ino = 1
        attributes.mode = UInt32(S_IFDIR) | 0o555
        attributes.nlink = UInt32(2 + exports.count)
        attributes.uid = options.user
        attributes.gid = options.group
        attributes.blksize = 4096
        return attributes
    }

    private func lookupExport(_ message: FuseMessage) {
        let unique = message.unique
        let name = message.name() ?? []
        if name == [0x2e] {
            var answer = fuse_entry_out()
            answer.nodeid = NodeTable.root
            answer.attr = syntheticAttributes
            device?.reply(unique, answer)
            return
        }
        guard let index = exports.firstIndex(where: { Array($0.description.name.utf8) == name })
        else { return fail(unique, ENOENT) }
        replyEntry(unique, exports[index].root, index, nil)
    }

    private func listExports(_ message: FuseMessage, plus: Bool) {
        guard let input = message.argument(fuse_read_in.self) else { return }
        let names = [".", ".."] + exports.map(\.description.name)
        withUnsafeTemporaryAllocation(byteCount: min(Int(input.size), 1 << 16), alignment: 8) {
            var page = DirectoryPage($0)
            for (index, name) in names.enumerated().dropFirst(Int(min(input.offset, 1 << 20))) {
                let fits = page.append(
                    inode: UInt64(index + 1), cookie: UInt64(index + 1), mode: UInt32(S_IFDIR),
                    name: ArraySlice(name.utf8), entry: plus ? fuse_entry_out() : nil)
                if !fits { break }
            }
            device?.reply(message.unique, bytes: page.bytes)
        }
    }
}
