/// Why a source could not be inspected, or a volume of it not chosen.
public struct InspectionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of error it is; exit codes follow from it.
    public enum Kind: Equatable, Sendable {
        /// The path names nothing, or nothing that holds a disk.
        case notASource
        /// This user may not read it.
        case denied
        /// Reading failed.
        case unreadable
        /// Its content is of no known kind, or of a kind that cannot be opened.
        case notSupported
        /// Several volumes would do, and none was chosen.
        case ambiguous
        /// The volume that was chosen is not there.
        case noSuchVolume
    }

    /// What kind of error it is.
    public var kind: Kind
    /// What happened, naming the source or layer.
    public var cause: String
    /// What the user can do.
    public var remedy: String

    /// Makes an error.
    public init(_ kind: Kind, cause: String, remedy: String) {
        self.kind = kind
        self.cause = cause
        self.remedy = remedy
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
