public import BlockDevice

/// Why an overlay could not be opened, committed or discarded.
public enum OverlayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The disk is empty, or larger than overlays are made for.
    case diskSize(UInt64)
    /// The store is smaller than it must be.
    case storeTooSmall(UInt64, needed: UInt64)
    /// The store holds something else, which is left alone.
    case foreign
    /// The store holds an overlay of a disk of another size.
    case otherDisk(size: UInt64, expected: UInt64)
    /// The store holds a damaged overlay; which part.
    case damaged(String)
    /// Somebody is using the overlay.
    case inUse
    /// A device failed.
    case device(BlockError)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .diskSize(let size): "overlay: a disk of \(size) bytes is not supported"
        case .storeTooSmall(let size, let needed):
            "overlay: the store has \(size) bytes and needs \(needed)"
        case .foreign: "overlay: the store holds something else than an overlay"
        case .otherDisk(let size, let expected):
            "overlay: it was made for a disk of \(size) bytes, not \(expected)"
        case .damaged(let part): "overlay: its \(part) is damaged"
        case .inUse: "overlay: it is in use"
        case .device(let error): error.cause
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .diskSize: "Overlays are for disks of up to 64 TiB."
        case .storeTooSmall: "Make a new overlay file."
        case .foreign, .otherDisk: "Name another overlay file, or restore the right one."
        case .damaged: "Discard the overlay, or restore its file."
        case .inUse: "End the export first."
        case .device(let error): error.remedy
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
