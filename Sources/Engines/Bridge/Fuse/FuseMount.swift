import Glibc
public import Platform

/// How a folder is mounted.
public struct FuseMountOptions: Equatable, Sendable {
    /// What `mount` and `df` show as the source.
    public var source: String
    /// Whether the kernel refuses changes.
    public var readOnly: Bool
    /// Whether other users may enter, as far as permissions let them.
    public var allowOther: Bool

    /// Makes options.
    public init(source: String, readOnly: Bool, allowOther: Bool = false) {
        self.source = source
        self.readOnly = readOnly
        self.allowOther = allowOther
    }
}

/// Mounting and unmounting a FUSE folder with the help of `fusermount3`, as any user.
public enum FuseMount {
    private static let places = ["/usr/bin/fusermount3", "/bin/fusermount3"]
    private static let milliseconds: Int32 = 15_000

    /// Mounts a folder; blocks for the helper program.
    ///
    /// Any thread.
    ///
    /// The kernel waits for a bridge on the descriptor: until `BridgeHandle.serve` has returned,
    /// whoever enters the folder waits as well.
    public static func open(
        mountpoint: String, options: FuseMountOptions
    ) throws(BridgeError) -> OwnedFD {
        let helper = try findHelper()
        guard Files.exists("/dev/fuse") else {
            throw BridgeError(
                .mount, errno: ENODEV, "this kernel has no /dev/fuse",
                remedy: "load the kernel module fuse (modprobe fuse)")
        }
        do {
            let started = try start(helper, ["-o", words(options), "--", mountpoint])
            return try receive(
                from: started.socket, started.child, complaints: started.complaints, mountpoint)
        } catch let error as BridgeError {
            throw error
        } catch let error as SystemError {
            throw BridgeError(.mount, errno: error.errno, "\(error)")
        } catch {
            throw BridgeError(.mount, "\(error)")
        }
    }

    /// Unmounts a folder; blocks for the helper program.
    ///
    /// Any thread.
    ///
    /// - Parameter lazy: takes the folder away at once, even where it is still in use.
    public static func unmount(mountpoint: String, lazy: Bool = false) throws(BridgeError) {
        let helper = try findHelper()
        let arguments = ["-u"] + (lazy ? ["-z"] : []) + ["--", mountpoint]
        do {
            let (end, output) = try ChildProcess.run(
                SpawnOptions(path: helper, arguments: arguments), mergeErrors: true,
                outputLimit: 4096, milliseconds: milliseconds)
            guard end.isSuccess else {
                let text = firstLine(output)
                let isBusy = text.contains("busy")
                throw BridgeError(
                    .mount, errno: isBusy ? EBUSY : EINVAL,
                    "cannot unmount \(mountpoint): \(text.isEmpty ? "\(end)" : text)")
            }
        } catch let error as BridgeError {
            throw error
        } catch let error as SystemError {
            throw BridgeError(.mount, errno: error.errno, "\(error)")
        } catch {
            throw BridgeError(.mount, "\(error)")
        }
    }

    /// The options in fusermount3's words.
    ///
    /// Permissions are checked by the kernel, by the owners and modes that are shown.
    static func words(_ options: FuseMountOptions) -> String {
        // The helper splits at commas and takes a backslash before one as quoting.
        let source = options.source.map { character in
            switch character {
            case ",": "\\,"
            case "\\": "\\\\"
            case "\n": "?"
            default: String(character)
            }
        }.joined()
        var words = ["fsname=\(source)", "subtype=causeway", "default_permissions"]
        words += ["nosuid", "nodev", options.readOnly ? "ro" : "rw"]
        if options.allowOther { words.append("allow_other") }
        return words.joined(separator: ",")
    }

    private static func findHelper() throws(BridgeError) -> String {
        for place in places where Files.isExecutable(place) { return place }
        throw BridgeError(
            .mount, errno: ENOENT, "there is no fusermount3",
            remedy: "install the package fuse3")
    }

    /// Starts the helper.
    ///
    /// Only the helper holds the other ends, so its end is theirs.
    private static func start(
        _ helper: String, _ arguments: [String]
    ) throws(SystemError) -> (child: ChildProcess, socket: OwnedFD, complaints: OwnedFD) {
        let (ours, theirs) = try Descriptors.socketPair()
        let (reader, writer) = try Descriptors.pipe()
        var spawn = SpawnOptions(path: helper, arguments: arguments)
        spawn.environment.append("_FUSE_COMMFD=3")
        spawn.descriptors = [-1, -1, writer.raw, theirs.raw]
        let child = try withExtendedLifetime((theirs, writer)) { () throws(SystemError) in
            try ChildProcess(spawn)
        }
        return (child, ours, reader)
    }

    private static func receive(
        from socket: OwnedFD, _ child: ChildProcess, complaints: OwnedFD, _ mountpoint: String
    ) throws -> OwnedFD {
        var descriptor: OwnedFD?
        if try Descriptors.waitReadable(socket.raw, milliseconds: milliseconds) {
            descriptor = try Descriptors.receive(over: socket.raw, limit: 16).descriptors.first
        }
        guard let end = try child.wait(milliseconds: milliseconds) else {
            try child.killAndWait()
            throw BridgeError(.mount, errno: ETIMEDOUT, "fusermount3 does not come to an end")
        }
        if end.isSuccess, let descriptor { return descriptor }
        let text = firstLine(try Files.readToEnd(complaints, limit: 4096))
        throw BridgeError(
            .mount, errno: EPERM,
            "fusermount3 cannot mount on \(mountpoint): \(text.isEmpty ? "\(end)" : text)",
            remedy: remedy(for: text))
    }

    /// What helps against a complaint of fusermount3.
    static func remedy(for complaint: String) -> String {
        if complaint.contains("user_allow_other") {
            return "allow_other needs the line user_allow_other in /etc/fuse.conf"
        }
        if complaint.contains("/dev/fuse") || complaint.contains("device not found") {
            return "this user must be able to use /dev/fuse; in a container it has to be passed in"
        }
        if complaint.contains("Operation not permitted") {
            return "fusermount3 must belong to root and have its set-user bit (package fuse3)"
        }
        if complaint.contains("mount_max") || complaint.contains("too many FUSE") {
            return "too many folders are mounted: see mount_max in /etc/fuse.conf"
        }
        return ""
    }

    private static func firstLine(_ output: [UInt8]) -> String {
        let text = String(decoding: output, as: UTF8.self)
        let line = text.split(separator: "\n").first.map(String.init) ?? ""
        return line.hasPrefix("fusermount3: ") ? String(line.dropFirst(13)) : line
    }
}
