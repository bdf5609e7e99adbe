import FileSystemLab
import Platform

/// A network that nobody else sees, with one Ethernet link: the host's end is `tap0`, the other
/// end is for a guest.
///
/// A user and network namespace, made by an ordinary user (/dev/net/tun must be open to all, as
/// scripts/prepare-host has it). It goes, with every guest in it, when the object goes or this
/// process ends, however it ends. One thread.
public final class GuestNetwork {
    /// The host's address on the link, of a /24.
    public static let hostAddress = "10.99.0.1"
    /// The guest's.
    public static let guestAddress = "10.99.0.2"
    /// The host's end.
    public static let link = "tap0"

    /// The holder ends when this is closed.
    private var lifeline: OwnedFD?
    private let holder: RunningCommand
    /// Process id of the namespaces' first process.
    private let process: String

    /// The namespaces' first process: everything in its process namespace is killed at its end.
    private static let script = """
        set -eu
        read -r process rest </proc/self/stat
        ip link set lo up
        ip tuntap add \(link) mode tap
        ip addr add \(hostAddress)/24 dev \(link)
        ip link set \(link) up
        echo "ready $process"
        cat
        """

    /// Makes the network.
    public init() throws {
        let (reader, writer) = try Descriptors.pipe()
        holder = try RunningCommand(
            "unshare",
            [
                "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "bash",
                "-c", Self.script,
            ], input: reader.raw)
        lifeline = writer
        let deadline = Clock.milliseconds() + 60_000
        var said: [Substring] = []
        while said.first != "ready" || said.count < 2 {
            let ended = try holder.collect(until: Clock.milliseconds() + 20)
            let text = String(decoding: holder.outputs[0], as: UTF8.self)
            said = text.hasSuffix("\n") ? text.dropLast().split(separator: " ") : []
            guard !ended, Clock.milliseconds() < deadline else {
                let errors = String(decoding: holder.outputs[1], as: UTF8.self)
                _ = try holder.process.killAndWait()
                throw LabError("no network for a guest: \(errors)")
            }
        }
        process = String(said[1])
    }

    deinit { close() }

    /// Ends everything in it.
    public func close() {
        guard lifeline != nil else { return }
        lifeline = nil
        if (try? holder.process.wait(milliseconds: 60_000)) == nil {
            _ = try? holder.process.killAndWait()
        }
    }

    private var enter: [String] {
        ["nsenter", "--preserve-credentials", "--target", process, "--user", "--net"]
    }

    /// The words before a host's command that runs it in this network, as the user who calls.
    public var prefix: [String] {
        guard Host.user != 0 else { return enter }
        let user = "--map-user=\(Host.user)"
        return enter + ["unshare", "--user", user, "--map-group=\(Host.group)"]
    }

    /// The same, as this network's root: for what needs raw sockets.
    public var rootPrefix: [String] { enter }

    /// The same, for what must end with the network.
    var guestPrefix: [String] { enter + ["--pid"] }
}
