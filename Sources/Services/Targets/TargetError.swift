/// Why a target process could not serve.
struct TargetError: Error, Equatable {
    /// What happened, naming the layer.
    var cause: String
    /// What to do about it.
    var remedy: String

    /// Any error as one with a cause and a remedy.
    static func any(_ error: any Error) -> TargetError {
        (error as? TargetError)
            ?? TargetError(cause: "\(error)", remedy: "See `causeway logs`.")
    }
}
