public import Platform

/// A last flush of a device, which cannot keep the session waiting: a process of its own does it.
///
/// A call into a kernel that waits for a device cannot be broken off; whoever must not wait has
/// somebody else make it.
public enum DeviceFlush {
    /// The program's hidden first word that runs `serve`.
    public static let word = "_flush"

    /// How a flush ended.
    public enum Outcome: Equatable, Sendable {
        /// Everything is in the store below.
        case done
        /// The device said no.
        case refused
        /// It is still at it.
        case late
    }

    /// Flushes an open device, waiting at most so long.
    ///
    /// - Parameter executable: this program.
    public static func run(
        _ device: OwnedFD, executable: String, milliseconds: Int32
    ) throws(SystemError) -> Outcome {
        var options = SpawnOptions(path: executable, arguments: [word])
        options.descriptors = [-1, -1, -1, device.raw]
        let process = try ChildProcess(options)
        guard let end = try process.wait(milliseconds: milliseconds) else {
            process.signal(9)
            return .late
        }
        return end.isSuccess ? .done : .refused
    }

    /// Flushes descriptor 3; returns the exit code.
    public static func serve() -> Int32 {
        do {
            try Files.sync(OwnedFD(taking: 3))
            return 0
        } catch { return 1 }
    }
}
