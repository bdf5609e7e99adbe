public import Bytes

/// The first frame of every connection, sent by the guest.
public struct Greeting: Equatable, Sendable {
    /// The frame kind of a greeting.
    public static let kind: UInt16 = 1

    /// The guest's wire version; the host refuses any other than its own.
    public var version: UInt32
    /// What the connection is for.
    public var role: ConnectionRole
    /// `uname -r` of the guest kernel.
    public var kernelRelease: String
    /// Milliseconds from kernel start to this frame.
    public var uptimeMilliseconds: UInt64

    /// Makes a greeting.
    public init(
        version: UInt32 = GuestWire.version, role: ConnectionRole, kernelRelease: String,
        uptimeMilliseconds: UInt64
    ) {
        self.version = version
        self.role = role
        self.kernelRelease = kernelRelease
        self.uptimeMilliseconds = uptimeMilliseconds
    }

    /// The greeting as a frame.
    public var frame: Frame {
        var writer = ByteWriter()
        writer.write(version)
        writer.write(role.rawValue)
        writer.write(kernelRelease)
        writer.write(uptimeMilliseconds)
        return Frame(kind: Self.kind, id: 0, payload: writer.bytes)
    }

    /// Decodes a greeting; the version is the caller's to judge.
    public init(_ frame: Frame) throws(BytesError) {
        guard frame.kind == Self.kind else {
            throw .invalid(field: "greeting kind", value: UInt64(frame.kind))
        }
        var reader = ByteReader(frame.payload)
        version = try reader.integer()
        let number: UInt8 = try reader.integer()
        guard let role = ConnectionRole(rawValue: number) else {
            throw .invalid(field: "role", value: UInt64(number))
        }
        self.role = role
        kernelRelease = GuestWire.safe(try reader.text(limit: 256))
        uptimeMilliseconds = try reader.integer()
        try reader.finish()
    }
}
