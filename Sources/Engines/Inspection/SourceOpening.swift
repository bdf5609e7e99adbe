import Glibc
import Platform

/// Opening a source, with errors that say what is wrong and what to do.
enum SourceOpening {
    /// Opens a regular file or block device for reading; never waits, not even on a pipe.
    static func open(_ path: String) throws(InspectionError) -> OwnedFD {
        let status: FileStatus
        do { status = try Files.status(path) } catch { throw explain(error, path) }
        try check(status.kind, path)
        do { return try Files.open(path, [.readOnly, .nonblocking]) } catch {
            throw explain(error, path)
        }
    }

    /// Kind and sizes of an open source; an empty one is an error.
    static func sizes(
        _ descriptor: OwnedFD, path: String
    ) throws(InspectionError) -> (FileKind, BlockGeometry) {
        do {
            let kind = try Files.status(descriptor).kind
            let geometry = try Files.geometry(descriptor)
            try check(kind, path)
            guard geometry.size > 0 else {
                throw InspectionError(
                    .notASource, cause: "\(path) is empty (0 bytes)",
                    remedy: "Name an image with content, or a device with a medium in it.")
            }
            return (kind, geometry)
        } catch let error as SystemError {
            throw explain(error, path)
        } catch let error as InspectionError {
            throw error
        } catch {
            throw InspectionError(.unreadable, cause: "\(path): \(error)", remedy: "")
        }
    }

    private static func check(_ kind: FileKind, _ path: String) throws(InspectionError) {
        switch kind {
        case .file, .blockDevice: return
        case .directory:
            throw InspectionError(
                .notASource, cause: "\(path) is a folder",
                remedy: "Name a disk image or a block device.")
        case .symbolicLink, .other:
            throw InspectionError(
                .notASource,
                cause: "\(path) is a character device, pipe or socket, which holds no disk",
                remedy: "Name a disk image or a block device.")
        }
    }

    private static func explain(_ error: SystemError, _ path: String) -> InspectionError {
        switch error.errno {
        case ENOENT, ENOTDIR:
            InspectionError(
                .notASource, cause: "\(path) does not exist", remedy: "Check the path.")
        case EACCES, EPERM:
            InspectionError(
                .denied, cause: "\(path) may not be read by this user",
                remedy: "Ask its owner for read permission (for devices: join the group disk).")
        case ENOMEDIUM:
            InspectionError(
                .notASource, cause: "\(path) has no medium in it", remedy: "Put one in.")
        case ENXIO:
            InspectionError(
                .notASource, cause: "\(path) names a device that is not there",
                remedy: "Plug it in, or name another.")
        case ELOOP:
            InspectionError(
                .notASource, cause: "\(path) is a loop of symbolic links",
                remedy: "Name the file itself.")
        default:
            InspectionError(
                .unreadable, cause: "\(path): \(SystemError.words(error.errno))",
                remedy: "Check the device and its cable.")
        }
    }
}
