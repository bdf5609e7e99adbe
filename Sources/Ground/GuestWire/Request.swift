public import Bytes

/// How the guest's NFS server reaches a mounted file system.
public enum ExportRoad: UInt8, Sendable {
    /// The kernel's NFS server exports the file system itself.
    case kernel = 0
    /// The file system lacks export operations: the agent's FUSE pass-through stands in front.
    case passThrough = 1
}

/// A file system for the guest to mount and export.
public struct MountRequest: Equatable, Sendable {
    /// The guest's block device, such as `vda`; below `/dev`.
    public var device: String
    /// Kernel file-system types to try in order, such as `ext4`.
    public var drivers: [String]
    /// Mount options, comma separated, as for mount(2)'s data argument.
    public var options: String
    /// Whether the guest mounts read-only.
    public var readOnly: Bool
    /// How to export it.
    public var road: ExportRoad

    /// Makes a mount request.
    public init(
        device: String, drivers: [String], options: String, readOnly: Bool, road: ExportRoad
    ) {
        self.device = device
        self.drivers = drivers
        self.options = options
        self.readOnly = readOnly
        self.road = road
    }
}

/// What the host asks of the guest.
///
/// `handle` is always an NFSv3 file handle that the guest's server gave out.
public enum Request: Equatable, Sendable {
    /// Is the agent alive?
    case ping
    /// Mount a device and export it.
    case mount(MountRequest)
    /// Write everything of every mounted file system to its device.
    case sync
    /// Stop serving, unmount the export with this id, and flush its device.
    case unmount(export: UInt32)
    /// The tail of the kernel's log.
    case kernelLog
    /// Unmount what is left and power the machine off; the reply comes before the end.
    case powerOff
    /// Reads an extended attribute.
    case getAttribute(handle: [UInt8], name: [UInt8])
    /// Writes an extended attribute; `flags` as for setxattr(2).
    case setAttribute(handle: [UInt8], name: [UInt8], value: [UInt8], flags: UInt32)
    /// Lists extended attributes, NUL-terminated names one behind the other.
    case listAttributes(handle: [UInt8])
    /// Removes an extended attribute.
    case removeAttribute(handle: [UInt8], name: [UInt8])
    /// fallocate(2) with this mode, on a range in bytes.
    case allocate(handle: [UInt8], mode: UInt32, offset: UInt64, length: UInt64)
    /// lseek(2) with SEEK_DATA (3) or SEEK_HOLE (4).
    case seek(handle: [UInt8], offset: UInt64, whence: UInt32)
    /// Serve disks as blocks, as the plan says; only an appliance that can does.
    ///
    /// What the plan says is between the host and what serves: the wire carries its bytes.
    case serveBlocks(plan: [UInt8])
    /// Let the clients of blocks finish within a time, and make everything durable.
    case stopBlocks(milliseconds: UInt64)

    private enum Kind: UInt16 {
        case ping = 16
        case mount, sync, unmount, kernelLog, powerOff
        case getAttribute, setAttribute, listAttributes, removeAttribute, allocate, seek
        case serveBlocks, stopBlocks
    }

    /// The request as a frame with this id.
    public func frame(id: UInt32) -> Frame {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .ping: kind = .ping
        case .mount(let mount):
            kind = .mount
            writer.write(mount.device)
            writer.write(mount.drivers)
            writer.write(mount.options)
            writer.write(mount.readOnly)
            writer.write(mount.road.rawValue)
        case .sync: kind = .sync
        case .unmount(let export):
            kind = .unmount
            writer.write(export)
        case .kernelLog: kind = .kernelLog
        case .powerOff: kind = .powerOff
        case .getAttribute(let handle, let name):
            kind = .getAttribute
            writer.write(handle)
            writer.write(name)
        case .setAttribute(let handle, let name, let value, let flags):
            kind = .setAttribute
            writer.write(handle)
            writer.write(name)
            writer.write(value)
            writer.write(flags)
        case .listAttributes(let handle):
            kind = .listAttributes
            writer.write(handle)
        case .removeAttribute(let handle, let name):
            kind = .removeAttribute
            writer.write(handle)
            writer.write(name)
        case .allocate(let handle, let mode, let offset, let length):
            kind = .allocate
            writer.write(handle)
            writer.write(mode)
            writer.write(offset)
            writer.write(length)
        case .seek(let handle, let offset, let whence):
            kind = .seek
            writer.write(handle)
            writer.write(offset)
            writer.write(whence)
        case .serveBlocks(let plan):
            kind = .serveBlocks
            writer.write(plan)
        case .stopBlocks(let milliseconds):
            kind = .stopBlocks
            writer.write(milliseconds)
        }
        return Frame(kind: kind.rawValue, id: id, payload: writer.bytes)
    }

    /// Decodes a request.
    public init(_ frame: Frame) throws(BytesError) {
        guard let kind = Kind(rawValue: frame.kind) else {
            throw .invalid(field: "request kind", value: UInt64(frame.kind))
        }
        var reader = ByteReader(frame.payload)
        switch kind {
        case .ping: self = .ping
        case .mount: self = .mount(try MountRequest(&reader))
        case .sync: self = .sync
        case .unmount: self = .unmount(export: try reader.integer())
        case .kernelLog: self = .kernelLog
        case .powerOff: self = .powerOff
        case .getAttribute:
            self = .getAttribute(handle: try reader.fileHandle(), name: try reader.name())
        case .setAttribute:
            self = .setAttribute(
                handle: try reader.fileHandle(), name: try reader.name(),
                value: try reader.blob(limit: GuestWire.Limits.attributeValue),
                flags: try reader.integer())
        case .listAttributes: self = .listAttributes(handle: try reader.fileHandle())
        case .removeAttribute:
            self = .removeAttribute(handle: try reader.fileHandle(), name: try reader.name())
        case .allocate:
            self = .allocate(
                handle: try reader.fileHandle(), mode: try reader.integer(),
                offset: try reader.integer(), length: try reader.integer())
        case .seek:
            self = .seek(
                handle: try reader.fileHandle(), offset: try reader.integer(),
                whence: try reader.integer())
        case .serveBlocks:
            self = .serveBlocks(plan: try reader.blob(limit: GuestWire.Limits.blockPlan))
        case .stopBlocks: self = .stopBlocks(milliseconds: try reader.integer())
        }
        try reader.finish()
    }
}

extension MountRequest {
    init(_ reader: inout ByteReader) throws(BytesError) {
        device = try reader.text(limit: 64)
        drivers = try reader.texts(limit: 16)
        options = try reader.text(limit: 4096)
        readOnly = try reader.bool()
        let number: UInt8 = try reader.integer()
        guard let road = ExportRoad(rawValue: number) else {
            throw .invalid(field: "export road", value: UInt64(number))
        }
        self.road = road
    }
}

extension ByteReader {
    mutating func fileHandle() throws(BytesError) -> [UInt8] {
        try blob(limit: GuestWire.Limits.fileHandle)
    }

    mutating func name() throws(BytesError) -> [UInt8] {
        try blob(limit: 255)
    }
}
