import FUSEWire
import Glibc
import Platform

/// Attributes of files and of the file system.
extension PassThroughServer {
    /// GETATTR.
    func attributes(of node: NodeTable.NodeID) throws(SystemError) -> FUSEReply {
        .attributes(attributes(try status(node), of: node), seconds: Self.cacheSeconds)
    }

    /// SETATTR.
    func setAttributes(
        of node: NodeTable.NodeID, _ new: FUSESetAttributes
    ) throws(SystemError) -> FUSEReply {
        let status = try withPath(node) { path throws(SystemError) in
            try apply(new, to: path)
            var status = stat()
            try Self.check(lstat(path, &status))
            return status
        }
        return .attributes(attributes(status, of: node), seconds: Self.cacheSeconds)
    }

    private func apply(_ new: FUSESetAttributes, to path: BytePath) throws(SystemError) {
        if !new.mask.isDisjoint(with: [.user, .group]) {
            try Self.check(
                lchown(
                    path, new.mask.contains(.user) ? new.user : uid_t.max,
                    new.mask.contains(.group) ? new.group : gid_t.max))
        }
        if new.mask.contains(.size) {
            guard let size = off_t(exactly: new.size) else {
                throw SystemError(errno: EFBIG, call: "truncate")
            }
            try Self.check(truncate(path, size))
        }
        if new.mask.contains(.mode) {
            try Self.check(chmod(path, new.mode & 0o7777))
        } else if new.mask.contains(.killSetIDs) {
            var status = stat()
            try Self.check(lstat(path, &status))
            let dropped = status.st_mode & ~(S_ISUID | S_ISGID)
            if dropped != status.st_mode { try Self.check(chmod(path, dropped & 0o7777)) }
        }
        try applyTimes(new, to: path)
    }

    private func applyTimes(_ new: FUSESetAttributes, to path: BytePath) throws(SystemError) {
        let all: FUSESetAttributesMask = [
            .accessTime, .accessTimeNow, .modificationTime, .modificationTimeNow,
        ]
        guard !new.mask.isDisjoint(with: all) else { return }
        func time(
            _ value: FUSETime, given: FUSESetAttributesMask, now: FUSESetAttributesMask
        ) -> timespec {
            // UTIME_NOW and UTIME_OMIT of utimensat(2).
            if new.mask.contains(now) { return timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1) }
            guard new.mask.contains(given) else {
                return timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)
            }
            return timespec(
                tv_sec: Int(truncatingIfNeeded: value.seconds), tv_nsec: Int(value.nanoseconds))
        }
        let times = [
            time(new.accessTime, given: .accessTime, now: .accessTimeNow),
            time(new.modificationTime, given: .modificationTime, now: .modificationTimeNow),
        ]
        try Self.check(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
    }

    /// READLINK.
    func readLink(_ node: NodeTable.NodeID) throws(SystemError) -> FUSEReply {
        try withPath(node) { path throws(SystemError) in
            var target = [CChar](repeating: 0, count: FUSEWire.Limits.target)
            let got = readlink(path, &target, target.count)
            guard got >= 0 else { throw SystemError(errno: errno, call: "readlink") }
            return .data(target[..<got].map { UInt8(bitPattern: $0) })
        }
    }

    /// STATFS.
    func statistics() throws(SystemError) -> FUSEReply {
        try withPath(NodeTable.root) { path throws(SystemError) in
            var status = statvfs()
            try Self.check(statvfs(path, &status))
            return .statistics(
                FUSEStatistics(
                    blocks: (
                        UInt64(status.f_blocks), UInt64(status.f_bfree), UInt64(status.f_bavail)
                    ),
                    files: (UInt64(status.f_files), UInt64(status.f_ffree)),
                    blockSize: UInt32(truncatingIfNeeded: status.f_bsize),
                    fragmentSize: UInt32(truncatingIfNeeded: status.f_frsize),
                    nameLength: UInt32(truncatingIfNeeded: min(status.f_namemax, 255))))
        }
    }

    /// GETXATTR, LISTXATTR, SETXATTR, REMOVEXATTR.
    func performOnAttributes(
        _ node: NodeTable.NodeID, _ call: FUSECall
    ) throws(SystemError) -> FUSEReply {
        // ENOSYS ends such requests for good: the kernel does not ask again.
        guard hasAttributes else { return .failure(ENOSYS) }
        return try withPath(node) { path throws(SystemError) in
            switch call {
            case .getxattr(let name, let limit):
                return try attributeReply(limit) { buffer throws(SystemError) in
                    try BytePaths.attribute(Self.text(name), of: path, into: buffer)
                }
            case .listxattr(let limit):
                return try attributeReply(limit) { buffer throws(SystemError) in
                    try BytePaths.attributes(of: path, into: buffer)
                }
            case .setxattr(let name, let value, let flags):
                try BytePaths.setAttribute(
                    Self.text(name), of: path, to: value, flags: Int32(bitPattern: flags))
                return .done
            case .removexattr(let name):
                try BytePaths.removeAttribute(Self.text(name), of: path)
                return .done
            default: return .failure(ENOSYS)
            }
        }
    }

    /// Finds out whether the file system knows extended attributes.
    func probeAttributes() {
        do throws(SystemError) {
            _ = try withPath(NodeTable.root) { path throws(SystemError) in
                try BytePaths.attribute(
                    Self.text(Array("user.causeway".utf8)), of: path,
                    into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            }
        } catch {
            hasAttributes = error.errno != EOPNOTSUPP
        }
    }

    private func attributeReply(
        _ limit: Int, _ get: (UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
    ) throws(SystemError) -> FUSEReply {
        let space = UnsafeMutableRawBufferPointer(rebasing: answer[..<min(limit, 1 << 16)])
        let got = try get(space)
        return limit == 0
            ? .attributeSize(UInt32(truncatingIfNeeded: got)) : .data(Array(space[..<got]))
    }

    private static func text(_ name: [UInt8]) -> [CChar] {
        name.map { CChar(bitPattern: $0) } + [0]
    }
}
