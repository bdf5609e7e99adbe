/// One file system that the guest exports, and where it appears in the folder.
public struct BridgeExport: Equatable, Sendable {
    /// The guest's number for it.
    public var id: UInt32
    /// Name of its sub-folder; empty where it is the only one and is the folder itself.
    public var name: String
    /// NFSv3 file handle of its root.
    public var rootHandle: [UInt8]
    /// Whether changes are refused.
    public var readOnly: Bool

    /// Makes a description.
    public init(id: UInt32, name: String, rootHandle: [UInt8], readOnly: Bool) {
        self.id = id
        self.name = name
        self.rootHandle = rootHandle
        self.readOnly = readOnly
    }
}

/// How the bridge presents the guest's files.
public struct BridgeOptions: Equatable, Sendable {
    /// Whom every file appears to belong to.
    public var user: UInt32
    /// The group every file appears to belong to.
    public var group: UInt32
    /// Show and set owners as they are on the disk instead.
    public var faithful: Bool
    /// Refuse every change.
    public var readOnly: Bool
    /// Show nothing that gives rights to whoever copies it.
    ///
    /// Files and folders have no set-user, set-group and sticky bits and no capabilities, and
    /// devices are shown as sockets.
    public var isForCopying: Bool
    /// How long the guest may leave everything unanswered before it counts as gone.
    public var requestTimeoutMilliseconds: UInt32

    /// Makes options.
    public init(
        user: UInt32, group: UInt32, faithful: Bool = false, readOnly: Bool = true,
        isForCopying: Bool = false, requestTimeoutMilliseconds: UInt32 = 15_000
    ) {
        self.user = user
        self.group = group
        self.faithful = faithful
        self.readOnly = readOnly
        self.isForCopying = isForCopying
        self.requestTimeoutMilliseconds = requestTimeoutMilliseconds
    }
}

/// What the bridge has done so far.
public struct BridgeStatistics: Equatable, Sendable {
    /// File bytes read from the guest; where connections are carried, bytes that clients were sent.
    public var bytesRead: UInt64 = 0
    /// File bytes written to the guest; where connections are carried, bytes that clients sent.
    public var bytesWritten: UInt64 = 0
    /// Calls of the guest's file server.
    public var calls: UInt64 = 0
    /// Requests of the host's kernel.
    public var requests: UInt64 = 0
    /// File bytes that the guest has taken and not yet written to its disk.
    public var uncommittedBytes: UInt64 = 0
    /// Files of which written data is known to be lost.
    public var lostFiles: UInt64 = 0
    /// Files that the host's kernel knows of.
    public var knownFiles: UInt64 = 0

    /// Nothing done.
    public init() {}
}

/// Why the bridge failed: which step, why, and what helps.
public struct BridgeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Which step failed.
    public enum Step: UInt8, Sendable, CaseIterable {
        /// Starting the process.
        case start = 1
        /// The private network.
        case link
        /// Waiting for the guest.
        case guest
        /// Mounting the folder.
        case mount
        /// Serving the folder.
        case serve
        /// Writing everything to the guest's disks.
        case drain
        /// Talking to the bridge.
        case control
        /// Carrying connections into the guest.
        case forward
    }

    /// Which step failed.
    public var step: Step
    /// Linux errno, 0 where there is none.
    public var errno: Int32
    /// What happened.
    public var cause: String
    /// What helps, empty where nothing is known to.
    public var remedy: String

    /// Makes an error.
    public init(_ step: Step, errno: Int32 = 0, _ cause: String, remedy: String = "") {
        self.step = step
        self.errno = errno
        self.cause = cause
        self.remedy = remedy
    }

    /// The error in words.
    public var description: String {
        "bridge, \(step): \(cause)" + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}
