public import Bytes

extension FUSECall {
    /// Decodes what follows the header.
    ///
    /// For a write the body may end anywhere after its first 40 bytes; the data are not looked
    /// at. `dataCount` is the length of everything after those 40 bytes.
    public init(
        opcode: UInt32, body: ArraySlice<UInt8>, dataCount: Int = 0
    ) throws(BytesError) {
        var reader = ByteReader(body)
        guard let known = FUSEOpcode(rawValue: opcode) else {
            self = .other(opcode: opcode)
            return
        }
        if let call = try Self.aboutNames(known, &reader) {
            self = call
        } else if let call = try Self.aboutContents(known, &reader, dataCount: dataCount) {
            self = call
        } else {
            self = try Self.aboutNodes(known, &reader)
        }
    }

    private static func aboutNodes(
        _ opcode: FUSEOpcode, _ reader: inout ByteReader
    ) throws(BytesError) -> FUSECall {
        switch opcode {
        case .`init`:
            return .`init`(
                FUSEInitOffer(
                    major: try reader.integer(), minor: try reader.integer(),
                    maximumReadahead: try reader.integer(),
                    flags: FUSEInitFlags(rawValue: try reader.integer())))
        case .forget: return .forget(count: try reader.integer())
        case .batchForget: return .batchForget(try forgettings(&reader))
        case .getattr: return .getattr
        case .setattr: return .setattr(try FUSESetAttributes(&reader))
        case .readlink: return .readlink
        case .open: return .open(flags: try reader.integer())
        case .statfs: return .statfs
        case .getxattr:
            let limit = try attributeLimit(&reader)
            return .getxattr(name: try reader.name(), limit: limit)
        case .listxattr: return .listxattr(limit: try attributeLimit(&reader))
        case .removexattr: return .removexattr(name: try reader.name())
        case .setxattr:
            let size: UInt32 = try reader.integer()
            let flags: UInt32 = try reader.integer()
            let name = try reader.name()
            return .setxattr(
                name: name, value: Array(try reader.raw(Int(size))), flags: flags)
        case .destroy: return .destroy
        default: return .other(opcode: opcode.rawValue)
        }
    }

    private static func aboutNames(
        _ opcode: FUSEOpcode, _ reader: inout ByteReader
    ) throws(BytesError) -> FUSECall? {
        switch opcode {
        case .lookup: return .lookup(name: try reader.name())
        case .symlink:
            let name = try reader.name()
            return .symlink(
                name: name, target: try reader.name(limit: FUSEWire.Limits.target))
        case .mknod:
            let mode: UInt32 = try reader.integer()
            let device: UInt32 = try reader.integer()
            try reader.skip(8)  // umask, applied by the kernel; padding
            return .mknod(name: try reader.name(), mode: mode, device: device)
        case .mkdir:
            let mode: UInt32 = try reader.integer()
            try reader.skip(4)
            return .mkdir(name: try reader.name(), mode: mode)
        case .unlink: return .unlink(name: try reader.name())
        case .rmdir: return .rmdir(name: try reader.name())
        case .rename, .rename2:
            let parent: UInt64 = try reader.integer()
            var flags: UInt32 = 0
            if opcode == .rename2 {
                flags = try reader.integer()
                try reader.skip(4)
            }
            let name = try reader.name()
            return .rename(
                name: name, newParent: parent, newName: try reader.name(), flags: flags)
        case .link:
            let node: UInt64 = try reader.integer()
            return .link(node: node, name: try reader.name())
        default: return nil
        }
    }

    private static func aboutContents(
        _ opcode: FUSEOpcode, _ reader: inout ByteReader, dataCount: Int
    ) throws(BytesError) -> FUSECall? {
        switch opcode {
        case .read, .readdir, .readdirplus:
            try reader.skip(8)  // fh
            let offset: UInt64 = try reader.integer()
            let count = min(Int(try reader.integer(as: UInt32.self)), FUSEWire.Limits.transfer)
            switch opcode {
            case .read: return .read(offset: offset, count: count)
            case .readdir: return .readdir(offset: offset, limit: count)
            default: return .readdirplus(offset: offset, limit: count)
            }
        case .write:
            try reader.skip(8)
            let offset: UInt64 = try reader.integer()
            let count = Int(try reader.integer(as: UInt32.self))
            let flags: UInt32 = try reader.integer()
            try reader.skip(16)
            guard count == dataCount else {
                throw .invalid(field: "write size", value: UInt64(count))
            }
            return .write(offset: offset, count: count, killsSetIDs: flags & (1 << 2) != 0)
        case .fsync, .fsyncdir:
            try reader.skip(8)
            let dataOnly = try reader.integer(as: UInt32.self) & 1 != 0
            return opcode == .fsync ? .fsync(dataOnly: dataOnly) : .fsyncdir(dataOnly: dataOnly)
        case .fallocate:
            try reader.skip(8)
            return .fallocate(
                offset: try reader.integer(), length: try reader.integer(),
                mode: try reader.integer())
        case .lseek:
            try reader.skip(8)
            return .lseek(offset: try reader.integer(), whence: try reader.integer())
        default: return nil
        }
    }

    private static func forgettings(
        _ reader: inout ByteReader
    ) throws(BytesError) -> [FUSEForgetting] {
        let count = Int(try reader.integer(as: UInt32.self))
        try reader.skip(4)
        guard count * 16 <= reader.remaining else {
            throw .truncated(needed: count * 16, available: reader.remaining)
        }
        var all: [FUSEForgetting] = []
        for _ in 0..<count {
            all.append(FUSEForgetting(node: try reader.integer(), count: try reader.integer()))
        }
        return all
    }

    private static func attributeLimit(_ reader: inout ByteReader) throws(BytesError) -> Int {
        let limit = min(Int(try reader.integer(as: UInt32.self)), FUSEWire.Limits.transfer)
        try reader.skip(4)
        return limit
    }
}

extension ByteReader {
    /// Reads a name that ends with NUL, of at least one byte.
    fileprivate mutating func name(
        limit: Int = FUSEWire.Limits.name
    ) throws(BytesError) -> [UInt8] {
        var name: [UInt8] = []
        while true {
            let byte: UInt8 = try integer()
            if byte == 0 { break }
            name.append(byte)
            guard name.count <= limit else {
                throw .tooLong(length: name.count, limit: limit)
            }
        }
        guard !name.isEmpty else { throw .invalid(field: "name length", value: 0) }
        return name
    }
}
