import Platform

/// Another kernel than the product's: Debian's ready User-Mode Linux, on the host's own tree.
///
/// Package user-mode-linux, as it comes. Runs as an ordinary user.
///
/// It fills images for which there is no other tool, and says what an image holds where no
/// checker exists. A job takes 3 to 10 seconds, most of it the boot.
public enum Oracle {
    /// How the oracle's kernel mounts a file system.
    public struct Driver: Sendable {
        /// Modules to load.
        public var modules: [String]
        /// The shell command that mounts `/dev/ubda` on `/mnt/disk`.
        public var mount: String

        /// A driver of the kernel.
        public static func kernel(
            _ type: String, options: String = "", modules: [String] = []
        ) -> Driver {
            let flags = options.isEmpty ? "" : "-o \(options) "
            return Driver(
                modules: modules + [type], mount: "mount -i -t \(type) \(flags)/dev/ubda /mnt/disk")
        }

        /// A driver that is a program.
        public static func program(_ command: String) -> Driver {
            Driver(modules: ["fuse"], mount: "\(command) /dev/ubda /mnt/disk")
        }
    }

    /// Unpacks a tar archive onto an image.
    public static func fill(
        _ image: String, fromArchive archive: String, owners: Bool, driver: Driver
    ) throws {
        let flags = owners ? "--same-owner --same-permissions" : "--no-same-owner"
        try job(
            image, driver: driver, arguments: [archive],
            script: "tar -x --sparse \(flags) -f \"$1\" -C /mnt/disk")
    }

    /// What an image holds.
    public static func manifest(of image: String, driver: Driver) throws -> Manifest {
        let results = try Scratch()
        let format = "%y %m %s %b %n %D:%i %T@ %U:%G\\0%P\\0%l\\0"
        let script = """
            find /mnt/disk -mindepth 1 -printf '\(format)' >"$1/facts"
            cd /mnt/disk
            find . -type f -print0 | xargs -0 -r sha256sum -z -- >"$1/sums"
            cd /
            """
        try job(image, driver: driver, arguments: [results.path], script: script)
        return try Manifest(
            facts: Command.require("cat", ["\(results.path)/facts"]),
            sums: Command.require("cat", ["\(results.path)/sums"]))
    }

    /// Runs a shell script in the oracle with the image mounted on `/mnt/disk`.
    public static func job(
        _ image: String, driver: Driver, arguments: [String], script: String, seconds: Int = 240
    ) throws {
        let folder = try Scratch()
        let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
        let start = """
            #!/bin/sh
            exec >\(folder.path)/log 2>&1 </dev/null
            export PATH=/usr/sbin:/usr/bin:/sbin:/bin TZ=UTC LC_ALL=C.UTF-8
            mount -t proc proc /proc && mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /mnt
            grep -q '/dev devtmpfs' /proc/mounts || mount -t devtmpfs dev /dev
            release=$(uname -r)
            mkdir -p /run/modules/lib/modules /mnt/disk
            ln -s /usr/lib/uml/modules/$release /run/modules/lib/modules/$release
            for module in \(driver.modules.joined(separator: " ")); do
                modprobe -q -d /run/modules $module
            done
            set -e
            \(driver.mount)
            (set -eu; set -- \(quoted); \(script))
            umount /mnt/disk
            echo done >\(folder.path)/done
            """
        let ending = "\nsync\nhalt -f\n"
        try RawPath("\(folder.path)/job").write(Array((start).utf8), mode: 0o755)
        let wrapper = "#!/bin/sh\n/bin/sh \(folder.path)/job" + ending
        try RawPath("\(folder.path)/init").write(Array(wrapper.utf8), mode: 0o755)
        let outcome = try Command.run(
            "linux.uml",
            [
                "mem=256M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
                "init=\(folder.path)/init", "ubd0=\(image)", "con=null", "con0=null,fd:1",
                "con1=null", "quiet",
            ], environment: Command.environment(home: folder.path), seconds: seconds)
        guard Files.exists("\(folder.path)/done") else {
            let log = (try? Files.readText("\(folder.path)/log")) ?? ""
            throw LabError("the oracle failed on \(image): \(log.suffix(2000))\n\(outcome)")
        }
    }
}
