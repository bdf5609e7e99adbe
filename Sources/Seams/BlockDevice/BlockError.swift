public import Platform

/// Why a block device did not do what was asked.
public enum BlockError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The range does not lie within the device.
    case outOfRange(BlockRange, size: UInt64)
    /// The device is read-only.
    case readOnly
    /// The device does not do this.
    case notSupported(String)
    /// There is no room below the device.
    case noSpace(BlockRange)
    /// The store below failed at this place.
    case medium(BlockRange, SystemError)
    /// The store below is gone for good; in words.
    case gone(String)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .outOfRange(let range, let size):
            "block: \(range.length) bytes at \(range.offset) are outside a device of \(size) bytes"
        case .readOnly: "block: the device is read-only"
        case .notSupported(let what): "block: the device does not support \(what)"
        case .noSpace(let range):
            "block: no space left for \(range.length) bytes at \(range.offset)"
        case .medium(let range, let error):
            "block: \(range.length) bytes at \(range.offset): \(error)"
        case .gone(let reason): "block: the device is gone: \(reason)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .outOfRange: "Ask for bytes within the device."
        case .readOnly: "Export it with --write or --scratch to change it."
        case .notSupported: "Ask the device's capabilities first."
        case .noSpace: "Make room on the file system that holds the source or its overlay."
        case .medium: "Check the health of the disk below; see the system's log."
        case .gone: "Attach the source again."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
