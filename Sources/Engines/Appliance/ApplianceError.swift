/// Why an appliance cannot be used, built or trusted.
public struct ApplianceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What happened, naming the file, package or step.
    public var cause: String
    /// What the user can do; names the command.
    public var remedy: String

    /// Makes an error.
    public init(_ cause: String, remedy: String) {
        self.cause = cause
        self.remedy = remedy
    }

    /// Cause and remedy.
    public var description: String { "\(cause). \(remedy)" }

    /// The remedy of everything that a new build cures.
    static let buildAgain = "`causeway appliance build` makes a new one."
}
