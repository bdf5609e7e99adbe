public import Bytes

/// A file system that the guest has mounted and exported.
public struct ExportDescription: Equatable, Sendable {
    /// Names the export in later requests.
    public var id: UInt32
    /// The NFSv3 file handle of its root.
    public var rootHandle: [UInt8]
    /// The driver that mounted it.
    public var driver: String
    /// Whether the guest's mount is read-only, asked for or forced by the driver.
    public var readOnly: Bool
    /// What the kernel had to say while mounting, one line each.
    public var kernelMessages: [String]

    /// Makes a description.
    public init(
        id: UInt32, rootHandle: [UInt8], driver: String, readOnly: Bool, kernelMessages: [String]
    ) {
        self.id = id
        self.rootHandle = rootHandle
        self.driver = driver
        self.readOnly = readOnly
        self.kernelMessages = kernelMessages
    }
}

/// Why the guest could not do what was asked.
public struct GuestFailure: Error, Equatable, Sendable {
    /// Which step failed.
    public enum Step: UInt8, Sendable {
        /// The request itself makes no sense.
        case request = 1
        /// The block device did not appear.
        case device
        /// No driver of this name in the guest kernel.
        case driver
        /// The driver refused the device.
        case mount
        /// The NFS server refused the file system.
        case export
        /// Unmounting.
        case unmount
        /// A file operation by handle.
        case file
        /// Serving blocks.
        case blocks
    }

    /// Which step failed.
    public var step: Step
    /// Linux errno, 0 where there is none.
    public var errno: Int32
    /// What happened, in words.
    public var message: String
    /// What the kernel had to say, one line each.
    public var kernelMessages: [String]

    /// Makes a failure.
    public init(step: Step, errno: Int32, message: String, kernelMessages: [String] = []) {
        self.step = step
        self.errno = errno
        self.message = message
        self.kernelMessages = kernelMessages
    }
}

extension ByteReader {
    /// Reads text that people will read, without what could talk to their terminal.
    fileprivate mutating func words(limit: Int = 4096) throws(BytesError) -> String {
        GuestWire.safe(try text(limit: limit))
    }

    /// Reads lines that people will read.
    fileprivate mutating func lines() throws(BytesError) -> [String] {
        try texts(limit: 64).map(GuestWire.safe)
    }
}

/// What the guest answers.
public enum Reply: Equatable, Sendable {
    /// Done.
    case done
    /// It could not be done.
    case failed(GuestFailure)
    /// A mount's export.
    case exported(ExportDescription)
    /// An attribute's value or list of names, the kernel's log, or what clients of blocks did.
    case data([UInt8])
    /// A file position in bytes.
    case position(UInt64)

    private enum Kind: UInt16 {
        case done = 64
        case failed, exported, data, position
    }

    /// The reply as a frame that answers request `id`.
    public func frame(id: UInt32) -> Frame {
        var writer = ByteWriter()
        let kind: Kind
        switch self {
        case .done: kind = .done
        case .failed(let failure):
            kind = .failed
            writer.write(failure.step.rawValue)
            writer.write(failure.errno)
            writer.write(failure.message)
            writer.write(failure.kernelMessages)
        case .exported(let export):
            kind = .exported
            writer.write(export.id)
            writer.write(export.rootHandle)
            writer.write(export.driver)
            writer.write(export.readOnly)
            writer.write(export.kernelMessages)
        case .data(let data):
            kind = .data
            writer.write(data)
        case .position(let position):
            kind = .position
            writer.write(position)
        }
        return Frame(kind: kind.rawValue, id: id, payload: writer.bytes)
    }

    /// Decodes a reply.
    public init(_ frame: Frame) throws(BytesError) {
        guard let kind = Kind(rawValue: frame.kind) else {
            throw .invalid(field: "reply kind", value: UInt64(frame.kind))
        }
        var reader = ByteReader(frame.payload)
        switch kind {
        case .done: self = .done
        case .failed:
            let number: UInt8 = try reader.integer()
            guard let step = GuestFailure.Step(rawValue: number) else {
                throw .invalid(field: "step", value: UInt64(number))
            }
            self = .failed(
                GuestFailure(
                    step: step, errno: try reader.integer(), message: try reader.words(),
                    kernelMessages: try reader.lines()))
        case .exported:
            self = .exported(
                ExportDescription(
                    id: try reader.integer(), rootHandle: try reader.fileHandle(),
                    driver: try reader.words(limit: 64), readOnly: try reader.bool(),
                    kernelMessages: try reader.lines()))
        case .data: self = .data(try reader.blob(limit: GuestWire.Limits.kernelLog))
        case .position: self = .position(try reader.integer())
        }
        try reader.finish()
    }
}
