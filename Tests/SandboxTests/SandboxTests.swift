import Glibc
import Platform
import Testing

@testable import Sandbox

/// What a process inside sees and can do: run for real, as whoever runs the tests and, where that
/// is root, as an ordinary user too.
@Suite struct SandboxTests {
    /// Who runs the sandbox.
    enum Caller: CaseIterable {
        case self_, ordinaryUser
    }

    static let callers: [Caller] =
        Host.user == 0 && Files.isExecutable("/usr/bin/setpriv")
        ? Caller.allCases : [.self_]

    /// More than any of our programs may do, so that what fails is stopped by the namespaces.
    private static let wide = SystemCallFilter(
        SystemCallRule.startup
            + SystemCallRule.all(
                """
                socket socketpair connect mount umount2 unshare clone fork vfork wait4 kill ioctl
                unlink mkdir rmdir ftruncate setpgid getpgrp getpgid getsid getgroups umask chdir
                statfs pselect6 select tgkill
                """))

    private let tools = ["/bin/ls", "/bin/cat", "/bin/mount", "/bin/sleep", "/usr/bin/unshare"]

    private func run(
        _ script: String, as caller: Caller, filter: SystemCallFilter = SandboxTests.wide,
        shell: String = "/bin/sh", grants: [SandboxedProgram.Grant] = []
    ) throws -> (end: ProcessEnd, lines: [String]) {
        let (child, reader) = try start(
            script, as: caller, filter: filter, shell: shell, grants: grants)
        let end = try #require(try child.wait(milliseconds: 60_000))
        let bytes = try Descriptors.readSome(reader.raw, limit: 1 << 16)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        return (end, lines)
    }

    /// When this returns, only the processes inside hold the writers of the output and lifeline.
    private func start(
        _ script: String, as caller: Caller, filter: SystemCallFilter, shell: String,
        grants: [SandboxedProgram.Grant]
    ) throws -> (ChildProcess, OwnedFD) {
        let (reader, writer) = try Descriptors.pipe()
        let prepared = try Sandbox.prepare(
            SandboxedProgram(
                path: shell, arguments: ["-c", script], modules: tools,
                grants: [
                    .processes, .memory(at: "/tmp", bytes: 1 << 20),
                    .device("/dev/null", at: "/dev/null"),
                ] + grants,
                descriptors: [-1, writer.raw, writer.raw],
                environment: [("PATH", "/usr/bin:/bin")], filter: filter))
        var options = prepared.options
        if caller == .ordinaryUser {
            options.path = "/usr/bin/setpriv"
            options.arguments =
                ["--reuid", "54321", "--regid", "54321", "--clear-groups", prepared.options.path]
                + options.arguments.filter { ![Sandbox.nobody, "--uid", "--gid"].contains($0) }
        }
        return (try ChildProcess(options, lifeline: prepared.lifeline), reader)
    }

    @Test(arguments: callers)
    func `sees no file of the host`(caller: Caller) throws {
        let (end, lines) = try run(
            "ls /; ls /etc /home /root /var /usr/share; cat /etc/passwd", as: caller)
        #expect(end == .exited(1))
        let (names, complaints) = (
            lines.prefix { !$0.contains(":") }, lines.filter { $0.contains(":") }
        )
        #expect(Set(names).isSubset(of: ["bin", "dev", "lib", "lib64", "proc", "tmp", "usr"]))
        #expect(complaints.count == 6)
        #expect(complaints.allSatisfy { $0.contains("No such file") })
    }

    @Test(arguments: callers)
    func `can write nowhere but to its own memory`(caller: Caller) throws {
        let (_, lines) = try run(
            """
            echo a > /tmp/a && cat /tmp/a
            for place in /x /bin/x /lib/libc.so.6 /proc/sys/vm/swappiness /proc/sysrq-trigger
            do echo 60 2>/dev/null > $place && echo "wrote $place"; done
            true
            """, as: caller)
        #expect(lines.first == "a")
        #expect(!lines.contains { $0.hasPrefix("wrote") })
    }

    @Test(arguments: callers)
    func `has no network but a loopback of its own`(caller: Caller) throws {
        let (_, lines) = try run("cat /proc/net/dev", as: caller)
        let interfaces = lines.filter { $0.contains(":") }
        #expect(interfaces.count == 1)
        #expect(interfaces.first?.contains("lo:") == true)
    }

    @Test(arguments: callers)
    func `cannot reach the host's loopback`(caller: Caller) throws {
        let listener = try StreamSocket.listen(address: 0x7f00_0001, port: 0)
        let port = try StreamSocketPort.of(listener)
        let script = "exec 3<>/dev/tcp/127.0.0.1/\(port) && echo connected"
        let outside = try ChildProcess.run(
            SpawnOptions(path: "/bin/bash", arguments: ["-c", script]))
        #expect(String(decoding: outside.output, as: UTF8.self) == "connected\n")
        let (_, lines) = try run(script, as: caller, shell: "/bin/bash")
        #expect(!lines.contains("connected"))
        #expect(lines.contains { $0.contains("Connection refused") })
    }

    @Test(arguments: callers)
    func `sees no process of the host`(caller: Caller) throws {
        let (_, lines) = try run("ls /proc; kill -0 \(Host.process) && echo found", as: caller)
        let processes = lines.compactMap { Int32($0) }
        #expect(processes.count <= 3 && processes.contains(1))
        #expect(!lines.contains("found"))
    }

    @Test(arguments: callers)
    func `cannot mount`(caller: Caller) throws {
        let (end, lines) = try run("mount -t tmpfs none /tmp && echo mounted", as: caller)
        #expect(end != .exited(0))
        #expect(!lines.contains("mounted"))
    }

    @Test(arguments: callers)
    func `holds no capability and can gain none`(caller: Caller) throws {
        let (_, lines) = try run("cat /proc/self/status", as: caller)
        let capabilities = lines.filter { $0.hasPrefix("Cap") }
        #expect(capabilities.count == 5)
        #expect(capabilities.allSatisfy { $0.hasSuffix("\t0000000000000000") })
        #expect(lines.contains("NoNewPrivs:\t1"))
        #expect(lines.contains("Seccomp:\t2"))
        #expect(!lines.contains { $0.hasPrefix("Uid:\t0") })
    }

    @Test(arguments: callers)
    func `inherits no environment and no descriptor`(caller: Caller) throws {
        let open = try Files.open("/etc/passwd", .readOnly)
        let (_, lines) = try run("cat /proc/self/environ; echo; ls /proc/self/fd", as: caller)
        withExtendedLifetime(open) {}
        let names = lines.first?.split(separator: "\0").compactMap {
            $0.split(separator: "=").first
        }
        #expect(Set(names ?? []) == ["PATH", "LD_LIBRARY_PATH", "PWD"])
        // Input, output, errors, the pipe that tells when it ends, and the list itself.
        #expect(lines.dropFirst().compactMap { Int($0) } == [0, 1, 2, 3, 4])
    }

    @Test(arguments: callers, ["mount -t tmpfs none /tmp", "unshare -U true", "unshare -n true"])
    func `the filter kills who asks for mounts or namespaces`(
        caller: Caller, script: String
    ) throws {
        let narrow = SystemCallFilter(
            Self.wide.rules.filter { !["mount", "umount2", "unshare"].contains($0.name) })
        // 128 + SIGSYS, from the shell or from bubblewrap.
        #expect(try run(script, as: caller, filter: narrow).end == .exited(159))
    }

    @Test func `a granted descriptor is the file it had open`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/granted"
        try Files.replace(path, with: Array("first".utf8))
        let file = try Files.open(path, .readOnly)
        try Files.rename(path, to: "\(folder.path)/moved")
        try Files.replace(path, with: Array("second".utf8))
        let (_, lines) = try run(
            "cat /here; echo; echo more 2>/dev/null >> /here || echo refused", as: .self_,
            grants: [.descriptor(file.raw, at: "/here", writable: false)])
        #expect(lines == ["first", "refused"])
    }

    @Test func `a granted folder can be written in, and nothing is seen beside it`() throws {
        let folder = try TemporaryFolder()
        try Files.makeDirectories("\(folder.path)/granted")
        try Files.replace("\(folder.path)/beside", with: Array("secret".utf8))
        let (_, lines) = try run(
            "echo kept >/state/new; ls /state/..; cat /state/../beside", as: .self_,
            grants: [.folder("\(folder.path)/granted", at: "/state")])
        #expect(try Files.readText("\(folder.path)/granted/new") == "kept\n")
        #expect(lines.contains("state") && !lines.contains("secret"), "\(lines)")
    }

    @Test func `killing it ends everything inside`() throws {
        let (child, reader) = try start(
            "sleep 1000 & sleep 1000 & echo up; wait", as: .self_, filter: Self.wide,
            shell: "/bin/sh", grants: [])
        #expect(try Descriptors.waitReadable(reader.raw, milliseconds: 60_000))
        _ = try Descriptors.readSome(reader.raw, limit: 100)
        #expect(try child.killAndWait() == .signaled(SIGKILL))
        // The shell and its children held the writer.
        let rest = try Descriptors.readSome(reader.raw, limit: 100)
        #expect(rest == [], "\(String(decoding: rest, as: UTF8.self))")
    }

    @Test func `a program that is missing is an error`() {
        let program = SandboxedProgram(path: "/no/such", arguments: [], filter: Self.wide)
        #expect(throws: SandboxError.missing("/no/such")) { try Sandbox.start(program) }
    }

    @Test func `more files than a child can take is an error`() throws {
        let file = try Files.open("/etc/passwd", .readOnly)
        let program = SandboxedProgram(
            path: "/bin/true", arguments: [],
            grants: (0..<70).map { .descriptor(file.raw, at: "/f\($0)", writable: false) },
            filter: Self.wide)
        #expect(throws: SandboxError.tooManyGrants) { try Sandbox.start(program) }
    }
}

/// The port that the kernel chose for a listener.
enum StreamSocketPort {
    static func of(_ listener: OwnedFD) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(listener.raw, $0, &length)
            }
        }
        try #require(result == 0)
        return UInt16(bigEndian: address.sin_port)
    }
}

/// A folder of a test's own, removed with its files at the end.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path =
            "/tmp/causeway-test-\(Host.process)-\(Host.randomBytes(6).map { String($0) }.joined())"
        try Files.makeDirectories(path)
    }

    deinit {
        for name in (try? Files.list(path)) ?? [] { try? Files.remove("\(path)/\(name)") }
        try? Files.removeDirectory(path)
    }
}
