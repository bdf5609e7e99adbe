public import Platform

/// How this host's kernel comes to a disk.
public enum AttachWay: String, Codable, Sendable, CaseIterable {
    /// The kernel's NBD client.
    case nbd
    /// The kernel's iSCSI initiator, governed by open-iscsi.
    case iscsi
    /// A file in a FUSE folder, and a loop device on it.
    case file
}

/// A block device that this host's kernel has made of an export.
///
/// One thread at a time. What another system's kernel offers (a disk image driver, a virtual disk
/// service) has its place behind the same protocol.
public protocol AttachedDisk: AnyObject {
    /// How it was made.
    var way: AttachWay { get }
    /// Its path, such as `/dev/nbd0`.
    var path: String { get }

    /// Takes the device away; blocks for some seconds at most.
    ///
    /// Whatever still uses it gets errors. Nobody can begin to use it meanwhile where `claim`, the
    /// device opened exclusively, is handed over. Throws where the device is still there.
    func disconnect(claim: OwnedFD?) throws(AttachError)

    /// Ends everything that waits on the device, because nobody answers any more.
    func cut()
}

/// Why there is no device, or why it does not go away.
public struct AttachError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The class of failure.
    public enum Kind: Equatable, Sendable {
        /// This host lacks something.
        case lacking
        /// Something uses it.
        case busy
        /// It was tried, and failed.
        case failed
    }

    /// What happened, naming the layer.
    public var cause: String
    /// What to do about it.
    public var remedy: String
    /// The class of failure.
    public var kind: Kind

    /// Makes an error.
    public init(_ kind: Kind, _ cause: String, remedy: String) {
        self.kind = kind
        self.cause = cause
        self.remedy = remedy
    }

    /// Cause and remedy in one sentence each.
    public var description: String { remedy.isEmpty ? cause : "\(cause). \(remedy)" }

    /// Runs a system call and gives its failure words.
    static func wrap<Value>(
        _ kind: Kind, _ cause: String, remedy: String = "",
        _ body: () throws(SystemError) -> Value
    ) throws(AttachError) -> Value {
        do { return try body() } catch {
            throw AttachError(kind, "\(cause): \(error)", remedy: remedy)
        }
    }

    /// Only root may do this.
    static func needsRoot(_ what: String) -> AttachError {
        AttachError(
            .lacking, "\(what): only root may", remedy: "Run it as root, for example with sudo.")
    }
}
