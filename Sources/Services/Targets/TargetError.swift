/// Why a target process could not serve.
public struct TargetError: Error, Equatable {
    /// What happened, naming the layer.
    public var cause: String
    /// What to do about it.
    public var remedy: String

    /// Any error as one with a cause and a remedy.
    static func any(_ error: any Error) -> TargetError {
        (error as? TargetError)
            ?? TargetError(cause: "\(error)", remedy: "See `causeway logs`.")
    }
}
