import CPlatform
import Glibc

/// Facts about this process and its user.
public enum Host {
    /// Effective user id.
    public static var user: UInt32 { geteuid() }
    /// Effective group id.
    public static var group: UInt32 { getegid() }
    /// This process's id.
    public static var process: Int32 { getpid() }
    /// How many processors this thread may run on; 1 where that is not told.
    public static var processors: Int { Int(cp_processors()) }

    /// The path of the running program.
    public static func executable() throws(SystemError) -> String {
        try Files.readLink("/proc/self/exe")
    }

    /// Whether a process with this id exists.
    public static func isAlive(_ process: Int32) -> Bool {
        kill(process, 0) == 0 || errno == EPERM
    }

    /// Ignores SIGPIPE and the terminal's signals, as a background process must.
    public static func detachFromTerminal() {
        for number in [SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU] {
            signal(number, SIG_IGN)
        }
        umask(0o077)
        _ = chdir("/")
    }

    /// Reads random bytes of the kernel.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        precondition(count <= 256, "getentropy gives at most 256 bytes a call")
        var bytes = [UInt8](repeating: 0, count: count)
        let result = getentropy(&bytes, count)
        precondition(result == 0, "the kernel has a random source")
        return bytes
    }

    /// Writes out what `print` has said; throws where standard output did not take all of it.
    public static func flushOutput() throws(SystemError) {
        try checked(cp_flush_output(), "write to standard output")
    }

    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ raw: Int32) -> Bool { isatty(raw) == 1 }
}
