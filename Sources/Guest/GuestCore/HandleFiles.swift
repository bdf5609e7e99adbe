import Bytes
import Glibc
import GuestWire
import Platform

/// An NFSv3 file handle as the kernel's server makes them for our exports.
///
/// Layout (fs/nfsd/nfsfh.h): version[1] = 1, auth type[1] = 0, fsid type[1] = 1 (a number of
/// four bytes), file id type[1], fsid[4] in the guest's byte order, then what the file system
/// made of the file. File id type 0 is the root of the export and has nothing behind it.
struct ServerHandle: Equatable {
    /// The export that the handle belongs to; see `Export`.
    var export: UInt32
    /// The file, nil for the root.
    var file: KernelFileHandle?

    /// Decodes a handle.
    init(_ bytes: [UInt8]) throws(BytesError) {
        var reader = ByteReader(bytes)
        let head: UInt32 = try reader.bigEndian()
        guard head >> 8 == 0x01_0001 else {
            throw .invalid(field: "file handle", value: UInt64(head))
        }
        var number: UInt32 = 0
        withUnsafeMutableBytes(of: &number) { $0.copyBytes(from: bytes.dropFirst(4).prefix(4)) }
        try reader.skip(4)
        export = number / 2
        let rest = Array(try reader.raw(reader.remaining))
        let type = Int32(head & 0xff)
        guard (type == 0) == rest.isEmpty else {
            throw .invalid(field: "file id type", value: UInt64(type))
        }
        file = type == 0 ? nil : KernelFileHandle(type: type, bytes: rest)
    }
}

/// File operations that NFSv3 has no words for, by NFS file handle.
///
/// Any thread.
struct HandleFiles {
    let table: ExportTable

    func attribute(_ handle: [UInt8], _ name: [UInt8]) throws(GuestFailure) -> [UInt8] {
        try perform(handle, .name, named: name) { file throws(SystemError) in
            try FileHandles.attribute(
                name, of: file, limit: GuestWire.Limits.attributeValue)
        }
    }

    func setAttribute(
        _ handle: [UInt8], _ name: [UInt8], _ value: [UInt8], _ flags: UInt32
    ) throws(GuestFailure) {
        try perform(handle, .name, named: name) { file throws(SystemError) in
            try FileHandles.setAttribute(
                name, of: file, to: value, flags: Int32(truncatingIfNeeded: flags))
        }
    }

    func attributes(_ handle: [UInt8]) throws(GuestFailure) -> [UInt8] {
        try perform(handle, .name) { file throws(SystemError) in
            try FileHandles.attributes(of: file, limit: GuestWire.Limits.attributeValue)
        }
    }

    func removeAttribute(_ handle: [UInt8], _ name: [UInt8]) throws(GuestFailure) {
        try perform(handle, .name, named: name) { file throws(SystemError) in
            try FileHandles.removeAttribute(name, of: file)
        }
    }

    func allocate(
        _ handle: [UInt8], mode: UInt32, offset: UInt64, length: UInt64
    ) throws(GuestFailure) {
        try perform(handle, .write) { file throws(SystemError) in
            try FileHandles.allocate(
                file, mode: Int32(truncatingIfNeeded: mode), offset: offset, length: length)
        }
    }

    func seek(
        _ handle: [UInt8], offset: UInt64, whence: UInt32
    ) throws(GuestFailure) -> UInt64 {
        // SEEK_DATA and SEEK_HOLE.
        guard whence == 3 || whence == 4 else {
            throw GuestFailure(step: .request, errno: EINVAL, message: "unknown whence \(whence)")
        }
        return try perform(handle, .read) { file throws(SystemError) in
            try FileHandles.seek(file, offset: offset, whence: Int32(whence))
        }
    }

    private func perform<Result>(
        _ handle: [UInt8], _ access: HandleAccess, named name: [UInt8] = [1],
        _ body: (OwnedFD) throws(SystemError) -> Result
    ) throws(GuestFailure) -> Result {
        guard !name.isEmpty, !name.contains(0) else {
            throw GuestFailure(
                step: .request, errno: EINVAL, message: "a name is empty or holds a NUL byte")
        }
        let decoded: ServerHandle
        do { decoded = try ServerHandle(handle) } catch {
            throw GuestFailure(
                step: .request, errno: EBADF, message: "not a file handle (\(error))")
        }
        guard let root = table.export(decoded.export)?.root else {
            throw GuestFailure(step: .request, errno: ESTALE, message: "the export is gone")
        }
        do {
            guard let file = decoded.file else { return try body(root) }
            return try body(try FileHandles.open(file, on: root, for: access))
        } catch {
            throw GuestFailure(step: .file, errno: error.errno, message: "\(error)")
        }
    }
}
