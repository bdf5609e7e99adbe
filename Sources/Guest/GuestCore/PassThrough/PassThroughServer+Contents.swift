import FUSEWire
import Glibc
import Platform

/// What is in files.
extension PassThroughServer {
    /// READ, WRITE, FSYNC, FSYNCDIR, FALLOCATE, LSEEK.
    func performOnContents(
        _ header: FUSERequestHeader, _ node: NodeTable.NodeID, _ call: FUSECall
    ) throws(SystemError) -> FUSEReply? {
        switch call {
        case .read(let offset, let count):
            try read(header, node, offset, count)
            return nil
        case .write(let offset, let count, let killsSetIDs):
            return try write(node, offset, count, killsSetIDs: killsSetIDs)
        case .fsync(let dataOnly):
            let file = try open(node, forWriting: !isReadOnly)
            if dataOnly { try FileHandles.syncData(file) } else { try Files.sync(file) }
            return .done
        case .fsyncdir:
            try Files.sync(
                try withPath(node) { path throws(SystemError) in
                    try BytePaths.open(path, flags: O_RDONLY | O_DIRECTORY)
                })
            return .done
        case .fallocate(let offset, let length, let mode):
            try FileHandles.allocate(
                try open(node, forWriting: true), mode: Int32(bitPattern: mode), offset: offset,
                length: length)
            return .done
        case .lseek(let offset, let whence):
            let file = try open(node, forWriting: false)
            return .position(
                try FileHandles.seek(file, offset: offset, whence: Int32(bitPattern: whence)))
        default: return .failure(ENOSYS)
        }
    }

    /// Reads into the answer's buffer, behind its header, and sends both at once.
    private func read(
        _ header: FUSERequestHeader, _ node: NodeTable.NodeID, _ offset: UInt64, _ count: Int
    ) throws(SystemError) {
        guard let offset = off_t(exactly: offset) else {
            throw SystemError(errno: EINVAL, call: "pread")
        }
        let file = try open(node, forWriting: false)
        let start = FUSEReply.headerSize
        let space = answer[start...].prefix(count)
        var got: Int
        repeat {
            got = pread(
                file.raw, UnsafeMutableRawBufferPointer(rebasing: space).baseAddress, space.count,
                offset)
        } while got < 0 && errno == EINTR
        guard got >= 0 else { throw SystemError(errno: errno, call: "pread") }
        answer.copyBytes(from: FUSEReply.header(unique: header.unique, dataCount: got))
        _ = Glibc.write(device.raw, answer.baseAddress, start + got)
    }

    /// Writes the request's data, which end the request.
    private func write(
        _ node: NodeTable.NodeID, _ offset: UInt64, _ count: Int, killsSetIDs: Bool
    ) throws(SystemError) -> FUSEReply {
        guard let offset = off_t(exactly: offset) else {
            throw SystemError(errno: EFBIG, call: "pwrite")
        }
        let file = try open(node, forWriting: true)
        if killsSetIDs { try dropSetIDs(of: file) }
        let start = FUSERequestHeader.size + 40
        var done = 0
        while done < count {
            let rest = UnsafeRawBufferPointer(rebasing: request[(start + done)..<(start + count)])
            let wrote = pwrite(file.raw, rest.baseAddress, rest.count, offset + off_t(done))
            if wrote < 0 && errno == EINTR { continue }
            if wrote <= 0 {
                if done > 0 { break }
                throw SystemError(errno: wrote < 0 ? errno : EIO, call: "pwrite")
            }
            done += wrote
        }
        return .written(UInt32(done))
    }

    /// The open file of a node.
    ///
    /// Only regular files are opened: the kernel keeps the rest away.
    private func open(
        _ node: NodeTable.NodeID, forWriting: Bool
    ) throws(SystemError) -> OwnedFD {
        if let file = files.descriptor(of: node, forWriting: forWriting) { return file }
        return try withPath(node) { path throws(SystemError) in
            if !isReadOnly {
                do throws(SystemError) {
                    let file = try BytePaths.open(path, flags: O_RDWR | O_NONBLOCK)
                    files.keep(file, of: node, isWritable: true)
                    return file
                } catch {
                    // A file that must not be written (EROFS, EPERM) can still be read.
                    if forWriting { throw error }
                }
            }
            let file = try BytePaths.open(path, flags: O_RDONLY | O_NONBLOCK)
            files.keep(file, of: node, isWritable: false)
            return file
        }
    }

    private func dropSetIDs(of file: OwnedFD) throws(SystemError) {
        var status = stat()
        try Self.check(fstat(file.raw, &status))
        let dropped = status.st_mode & ~(S_ISUID | S_ISGID)
        if dropped != status.st_mode { try Self.check(fchmod(file.raw, dropped & 0o7777)) }
    }
}
