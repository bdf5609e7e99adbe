public import FileSystemLab
import Platform

/// A guest whose kernel attaches to what a host serves: Debian's ready User-Mode Linux on the
/// host's own tree, with its own initiators for iSCSI, NBD and AoE.
///
/// Runs as an ordinary user. A boot takes 2 to 5 seconds.
public struct ClientGuest {
    /// Where it is connected.
    public var network: GuestNetwork
    /// Kernel modules to load; those they need come by themselves.
    public var modules: [String]
    /// Files of the host that are the guest's disks `/dev/ubda`, `/dev/ubdb` …; at most 16.
    public var disks: [String] = []
    /// The guest's memory, in mebibytes.
    public var memory = 256

    /// Describes a guest.
    public init(in network: GuestNetwork, modules: [String] = []) {
        self.network = network
        self.modules = modules
    }

    /// Runs a bash script in it to its end; the outcome's outputs are the script's (both of them)
    /// and the kernel's log.
    ///
    /// `$1`, `$2` … are the arguments, `$shared` is an empty folder that both sides see. The guest
    /// is killed, and the network ended, when the time is up.
    public func run(
        _ script: String, _ arguments: [String] = [], seconds: Int = 120
    ) throws -> Outcome {
        try start(script, arguments).finish(seconds: seconds)
    }

    /// Runs a script that must succeed; returns what it printed.
    @discardableResult
    public func require(
        _ script: String, _ arguments: [String] = [], seconds: Int = 120
    ) throws -> String {
        let outcome = try run(script, arguments, seconds: seconds)
        guard outcome.isSuccess else { throw LabError("in the guest: \(outcome)") }
        return outcome.stdout
    }

    /// Starts it with a script.
    public func start(_ script: String, _ arguments: [String] = []) throws -> RunningGuest {
        let shared = try Scratch("guest")
        try write(script, arguments, in: shared.path)
        let kernel =
            [
                "linux.uml", "mem=\(memory)M", "root=/dev/root", "rootfstype=hostfs",
                "rootflags=/", "rw", "init=\(shared.path)/init", "con=null", "con0=null,fd:2",
                "con1=fd:0,fd:1", "quiet",
                // Frames that the host leaves to be cut are taken whole.
                "vec0:transport=tap,ifname=\(GuestNetwork.link),depth=128,gro=1",
            ] + disks.enumerated().map { "ubd\($0.offset)=\($0.element)" }
        let words = network.guestPrefix + kernel
        let command = try RunningCommand(
            words[0], Array(words.dropFirst()),
            environment: Command.environment(home: shared.path))
        return RunningGuest(command, shared: shared, network: network)
    }

    private func write(_ script: String, _ arguments: [String], in folder: String) throws {
        let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
        let values = """
            folder=\(folder)
            address=\(GuestNetwork.guestAddress)
            modules="\(modules.joined(separator: " "))"
            set -- \(quoted)
            """
        try RawPath("\(folder)/init").write(Array(Self.start.utf8), mode: 0o755)
        try RawPath("\(folder)/values").write(Array(values.utf8))
        try RawPath("\(folder)/job").write(Array(script.utf8))
        try RawPath("\(folder)/shared").makeFolder()
    }

    /// The guest's first program.
    private static let start = """
        #!/bin/bash
        # Root of the guest is the host's ordinary user: a set-user-ID program of the host's root
        # would make it less than that.
        [ "${1-}" = again ] || exec setpriv --no-new-privs /bin/bash "$0" again
        . "${0%/*}/values"
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin TZ=UTC LC_ALL=C.UTF-8 HOME=/run TMPDIR=/run
        export shared=$folder/shared
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t tmpfs tmpfs /run
        mount -t tmpfs tmpfs /mnt
        grep -q '/dev devtmpfs' /proc/mounts || mount -t devtmpfs dev /dev
        mkdir -p /dev/shm /run/lock /run/modules/lib/modules
        mount -t tmpfs tmpfs /dev/shm
        [ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
        [ ! -d /etc/iscsi ] || mount -t tmpfs tmpfs /etc/iscsi
        exec </dev/tty1 >/dev/tty1 2>&1
        stty raw -echo
        release=$(uname -r)
        ln -s "/usr/lib/uml/modules/$release" "/run/modules/lib/modules/$release"
        (
            set -eu
            for module in $modules; do modprobe -d /run/modules "$module"; done
            ip link set lo up
            ip addr add "$address/24" dev vec0
            ip link set vec0 up
            exec bash -eu -o pipefail "$folder/job" "$@"
        )
        echo $? >"$folder/status"
        sync
        exec >/dev/null 2>&1
        halt -f
        """
}
