import ArgumentParser
import Sessions

/// The exit codes of the program; stable, and documented in docs/guide.md.
///
/// A wrong command line ends with 64, as ArgumentParser has it.
enum CausewayExit {
    /// Done.
    static let success: Int32 = 0
    /// A failure that no other code names.
    static let failure: Int32 = 1
    /// The source is missing, unreadable, or not something that holds a disk.
    static let sourceUnusable: Int32 = 3
    /// The source was read, and holds nothing that can be opened, or not what was asked for.
    static let notSupported: Int32 = 4
    /// The source, folder or session is in use.
    static let busy: Int32 = 5
    /// Something is missing on this host.
    static let environment: Int32 = 6
    /// The guest failed.
    static let guestFailed: Int32 = 7
    /// The user interrupted it.
    static let interrupted: Int32 = 130

    /// The code that a session's error ends the program with.
    static func code(for exit: SessionError.Exit) -> ExitCode {
        switch exit {
        case .failure: ExitCode(failure)
        case .sourceUnusable: ExitCode(sourceUnusable)
        case .notSupported: ExitCode(notSupported)
        case .busy: ExitCode(busy)
        case .environment: ExitCode(environment)
        case .guestFailed: ExitCode(guestFailed)
        }
    }
}
