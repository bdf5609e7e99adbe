import Platform

/// What went wrong with a session: the layer, the cause, and what to do next.
public struct SessionError: Error, Codable, Sendable, CustomStringConvertible {
    /// Where it went wrong.
    public enum Layer: String, Codable, Sendable {
        /// The thing the user named.
        case source
        /// The folder to mount on.
        case mountpoint
        /// Partition tables.
        case partition
        /// The file system.
        case fileSystem = "file system"
        /// The overlay.
        case overlay
        /// The process that serves blocks to the guest.
        case storage
        /// The virtual machine.
        case machine = "virtual machine"
        /// The agent in the guest.
        case guest
        /// FUSE and NFS.
        case bridge
        /// The servers of an export.
        case target
        /// An export as a device of this host.
        case device = "local device"
        /// The host itself: packages, switches, permissions.
        case host
        /// The session's own bookkeeping.
        case session
    }

    /// The class of failure, which becomes the exit code.
    public enum Exit: String, Codable, Sendable {
        /// Anything without a class of its own.
        case failure
        /// The source is missing, unreadable or holds nothing usable.
        case sourceUnusable
        /// Causeway cannot do this.
        case notSupported
        /// Something else uses it.
        case busy
        /// The host lacks something.
        case environment
        /// The guest could not do it.
        case guestFailed
    }

    /// Where it went wrong.
    public var layer: Layer
    /// What happened.
    public var cause: String
    /// What the user can do next.
    public var remedy: String
    /// More lines, such as kernel messages.
    public var details: [String]
    /// The class of failure.
    public var exit: Exit

    /// Makes an error.
    public init(
        _ layer: Layer, _ cause: String, remedy: String, details: [String] = [],
        exit: Exit = .failure
    ) {
        self.layer = layer
        self.cause = cause
        self.remedy = remedy
        self.details = details
        self.exit = exit
    }

    /// Layer, cause, details and remedy on lines of their own.
    public var description: String {
        var lines = ["\(layer.rawValue): \(cause)"]
        lines += details.map { "  \($0)" }
        if !remedy.isEmpty { lines.append(remedy) }
        return lines.joined(separator: "\n")
    }

    /// Runs a system call and gives its failure a layer and a remedy.
    static func wrap<Value>(
        _ layer: Layer, _ cause: String, remedy: String = "", exit: Exit = .failure,
        _ body: () throws(SystemError) -> Value
    ) throws(SessionError) -> Value {
        do { return try body() } catch {
            throw SessionError(layer, "\(cause): \(error)", remedy: remedy, exit: exit)
        }
    }
}
