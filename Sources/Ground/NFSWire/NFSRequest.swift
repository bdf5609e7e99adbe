/// How durable a write must be before it is answered.
///
/// RFC 1813, section 3.3.7 (stable_how).
public enum NFSStability: UInt32, Sendable {
    /// The server may keep it in memory until a COMMIT.
    case unstable = 0
    /// The data is on stable storage.
    case dataSync = 1
    /// Data and metadata are on stable storage.
    case fileSync = 2
}

/// A special file to create.
///
/// RFC 1813, section 3.3.11 (mknoddata3).
public enum NFSSpecialFile: Equatable, Sendable {
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case socket
    case fifo
}

/// A call of NFS version 3.
///
/// RFC 1813, section 3.3.
///
/// The data of a write is not part of the value: it follows the encoded arguments.
public enum NFSRequest: Equatable, Sendable {
    case null
    case getAttributes(FileHandle)
    case setAttributes(FileHandle, SetAttributes)
    case lookup(FileHandle, name: [UInt8])
    case readLink(FileHandle)
    case read(FileHandle, offset: UInt64, count: UInt32)
    case write(FileHandle, offset: UInt64, count: UInt32, NFSStability)
    /// `exclusive` fails where the name is taken (GUARDED); else an existing file is opened.
    case create(FileHandle, name: [UInt8], SetAttributes, exclusive: Bool)
    case makeDirectory(FileHandle, name: [UInt8], SetAttributes)
    case symbolicLink(FileHandle, name: [UInt8], SetAttributes, target: [UInt8])
    case makeNode(FileHandle, name: [UInt8], SetAttributes, NFSSpecialFile)
    case remove(FileHandle, name: [UInt8])
    case removeDirectory(FileHandle, name: [UInt8])
    case rename(FileHandle, name: [UInt8], to: FileHandle, newName: [UInt8])
    case link(FileHandle, directory: FileHandle, name: [UInt8])
    case readDirectory(FileHandle, cookie: UInt64, verifier: UInt64, count: UInt32)
    case readDirectoryPlus(
        FileHandle, cookie: UInt64, verifier: UInt64, nameBytes: UInt32, count: UInt32)
    case fileSystemStatus(FileHandle)
    case fileSystemInfo(FileHandle)
    case pathConfiguration(FileHandle)
    /// Everything of the file from offset 0 on.
    case commit(FileHandle)

    /// The procedure's number.
    public var procedure: UInt32 {
        switch self {
        case .null: 0
        case .getAttributes: 1
        case .setAttributes: 2
        case .lookup: 3
        case .readLink: 5
        case .read: 6
        case .write: 7
        case .create: 8
        case .makeDirectory: 9
        case .symbolicLink: 10
        case .makeNode: 11
        case .remove: 12
        case .removeDirectory: 13
        case .rename: 14
        case .link: 15
        case .readDirectory: 16
        case .readDirectoryPlus: 17
        case .fileSystemStatus: 18
        case .fileSystemInfo: 19
        case .pathConfiguration: 20
        case .commit: 21
        }
    }

    /// Appends the arguments; for a write, all of them up to and including the data's length.
    public func encode(into writer: inout XDRWriter) {
        switch self {
        case .null: break
        case .getAttributes(let file), .readLink(let file), .fileSystemStatus(let file),
            .fileSystemInfo(let file), .pathConfiguration(let file):
            writer.write(file)
        case .setAttributes(let file, let attributes):
            writer.write(file)
            attributes.encode(into: &writer)
            writer.write(false)
        case .lookup(let directory, let name), .remove(let directory, let name),
            .removeDirectory(let directory, let name):
            writer.write(directory)
            writer.write(name)
        case .read(let file, let offset, let count):
            writer.write(file)
            writer.write(offset)
            writer.write(count)
        case .write(let file, let offset, let count, let stability):
            writer.write(file)
            writer.write(offset)
            writer.write(count)
            writer.write(stability.rawValue)
            writer.write(count)
        case .rename(let from, let name, let to, let newName):
            writer.write(from)
            writer.write(name)
            writer.write(to)
            writer.write(newName)
        case .link(let file, let directory, let name):
            writer.write(file)
            writer.write(directory)
            writer.write(name)
        case .commit(let file):
            writer.write(file)
            writer.write(UInt64(0))
            writer.write(UInt32(0))
        case .create, .makeDirectory, .symbolicLink, .makeNode: encodeCreation(into: &writer)
        case .readDirectory, .readDirectoryPlus: encodeListing(into: &writer)
        }
    }

    private func encodeCreation(into writer: inout XDRWriter) {
        switch self {
        case .create(let directory, let name, let attributes, let exclusive):
            writer.write(directory)
            writer.write(name)
            writer.write(UInt32(exclusive ? 1 : 0))
            attributes.encode(into: &writer)
        case .makeDirectory(let directory, let name, let attributes):
            writer.write(directory)
            writer.write(name)
            attributes.encode(into: &writer)
        case .symbolicLink(let directory, let name, let attributes, let target):
            writer.write(directory)
            writer.write(name)
            attributes.encode(into: &writer)
            writer.write(target)
        case .makeNode(let directory, let name, let attributes, let special):
            writer.write(directory)
            writer.write(name)
            special.encode(attributes, into: &writer)
        default: break
        }
    }

    private func encodeListing(into writer: inout XDRWriter) {
        switch self {
        case .readDirectory(let directory, let cookie, let verifier, let count):
            writer.write(directory)
            writer.write(cookie)
            writer.write(verifier)
            writer.write(count)
        case .readDirectoryPlus(
            let directory, let cookie, let verifier, let nameBytes, let count):
            writer.write(directory)
            writer.write(cookie)
            writer.write(verifier)
            writer.write(nameBytes)
            writer.write(count)
        default: break
        }
    }
}

extension NFSSpecialFile {
    fileprivate func encode(_ attributes: SetAttributes, into writer: inout XDRWriter) {
        switch self {
        case .characterDevice(let major, let minor):
            writer.write(NFSFileType.characterDevice.rawValue)
            attributes.encode(into: &writer)
            writer.write(major)
            writer.write(minor)
        case .blockDevice(let major, let minor):
            writer.write(NFSFileType.blockDevice.rawValue)
            attributes.encode(into: &writer)
            writer.write(major)
            writer.write(minor)
        case .socket:
            writer.write(NFSFileType.socket.rawValue)
            attributes.encode(into: &writer)
        case .fifo:
            writer.write(NFSFileType.fifo.rawValue)
            attributes.encode(into: &writer)
        }
    }
}
