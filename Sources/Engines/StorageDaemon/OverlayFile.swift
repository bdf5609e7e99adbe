import Glibc
import Platform

/// The file of an overlay, opened or made.
///
/// One is made beside its place and renamed there when it is whole and durable, so that a file of
/// that name is never half made, whenever power or the process is lost. Its owner's claim on the
/// source keeps others away.
enum OverlayFile {
    /// What the name of a file that is being made ends with.
    static let suffix = ".new"

    /// Opens an overlay for reading and writing; makes an empty one where there is none.
    ///
    /// `size` is that of the disk, in bytes. Blocks until a new one is durable, where it is kept.
    static func open(
        _ path: String, size: UInt64, isKept: Bool = true
    ) throws(StorageError) -> OwnedFD {
        let found: (file: OwnedFD, status: FileStatus)?
        do { found = try existing(path) } catch { throw .system(error) }
        guard let found else { return try make(path, size: size, isKept: isKept) }
        try check(found.file, found.status, path: path, size: size)
        return found.file
    }

    /// The file that is there; nil where there is none, or one that nothing was ever written to.
    private static func existing(
        _ path: String
    ) throws(SystemError) -> (file: OwnedFD, status: FileStatus)? {
        do throws(SystemError) {
            let file = try Files.open(path, [.readWrite, .noFollow])
            let status = try Files.status(file)
            return status.kind == .file && status.size == 0 ? nil : (file, status)
        } catch  where error.errno == ENOENT { return nil }
    }

    private static func check(
        _ file: OwnedFD, _ status: FileStatus, path: String, size: UInt64
    ) throws(StorageError) {
        guard status.kind == .file else {
            throw .overlay(path: path, reason: "is no regular file")
        }
        let head: [UInt8]
        do { head = try Files.read(file, at: 0, count: 512) } catch { throw .system(error) }
        guard let declared = OverlayImage.declaredSize(head) else {
            throw .overlay(path: path, reason: "is no overlay, or its head is damaged")
        }
        guard declared == size else {
            throw .overlay(path: path, reason: "was made for a disk of another size")
        }
    }

    private static func make(
        _ path: String, size: UInt64, isKept: Bool
    ) throws(StorageError) -> OwnedFD {
        let unfinished = path + suffix
        do throws(SystemError) {
            let file = try Files.open(
                unfinished, [.readWrite, .create, .truncate, .noFollow], mode: 0o600)
            let image = OverlayImage.empty(size: size)
            for piece in image.pieces {
                try Files.write(piece.bytes, to: file, at: piece.offset)
            }
            try Files.truncate(file, to: image.fileLength)
            if isKept { try Files.sync(file) }
            try Files.rename(unfinished, to: path)
            if isKept, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
                try Files.syncDirectory(String(path[..<slash]))
            }
            return file
        } catch {
            try? Files.remove(unfinished)
            throw .overlayNotMade(path: path, error)
        }
    }
}
