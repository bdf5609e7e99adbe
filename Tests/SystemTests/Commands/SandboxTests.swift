import FileSystemLab
import Foundation
import Platform
import Testing

/// The processes that meet foreign data see neither the host's files nor any network.
@Suite(.tags(.system)) struct SandboxTests {
    @Test func `the machine and the storage daemon live in namespaces of their own`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try causeway.withMount(image) { mounted in
                for role in ["machine", "storage"] {
                    let top = try #require(mounted.processes[role])
                    let inside = Self.innermost(top)
                    for kind in ["user", "mnt", "pid", "ipc", "net"] {
                        let theirs = try Files.readLink("/proc/\(inside)/ns/\(kind)")
                        let ours = try Files.readLink("/proc/self/ns/\(kind)")
                        #expect(theirs != ours, "\(role) shares the \(kind) namespace")
                    }
                    let status = try Files.readText("/proc/\(inside)/status")
                    #expect(status.contains("Seccomp:\t2"), "\(role) has no filter")
                    #expect(status.contains("NoNewPrivs:\t1"), "\(role) may gain privileges")
                    #expect(
                        status.contains("CapEff:\t0000000000000000"), "\(role) has capabilities")
                }
            }
        }
    }

    @Test func `nothing of the host's files can be seen from inside`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try causeway.withMount(image) { mounted in
                for role in ["machine", "storage"] {
                    let inside = Self.innermost(try #require(mounted.processes[role]))
                    let root = "/proc/\(inside)/root"
                    for path in ["home", "root", "etc/passwd", "etc/shadow", "var/lib", "sys"] {
                        #expect(!Files.exists("\(root)/\(path)"), "\(role) sees /\(path)")
                    }
                    #expect(!Files.exists("\(root)\(causeway.folder)/home"), "\(role)")
                    #expect(!Files.exists("\(root)\(Settings.program)"), "\(role)")
                }
            }
        }
    }

    @Test func `no network can be reached from inside`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try causeway.withMount(image) { mounted in
                for role in ["machine", "storage"] {
                    let inside = Self.innermost(try #require(mounted.processes[role]))
                    let devices = try Files.readText("/proc/\(inside)/net/dev")
                        .split(separator: "\n").dropFirst(2)
                        .map { $0.split(separator: ":")[0].drop { $0 == " " } }
                    #expect(devices.allSatisfy { $0 == "lo" }, "\(role) has \(devices)")
                    let routes = try Files.readText("/proc/\(inside)/net/route")
                    #expect(routes.split(separator: "\n").count <= 1, "\(role): \(routes)")
                }
            }
        }
    }

    @Test func `a signal, a trace and a look at other processes are out of reach`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try causeway.withMount(image) { mounted in
                let inside = Self.innermost(try #require(mounted.processes["machine"]))
                let status = try Files.readText("/proc/\(inside)/status")
                let line = status.split(separator: "\n").first { $0.hasPrefix("NSpid:") } ?? ""
                #expect(line.split(separator: "\t").count >= 3, "no process namespace: \(line)")
            }
        }
    }

    /// The last of a chain of only children: the program that a sandbox was made for.
    private static func innermost(_ process: Int32) -> Int32 {
        var current = process
        while let child = Processes.below(current).filter({ parent(of: $0) == current }).min() {
            current = child
        }
        return current
    }

    private static func parent(of process: Int32) -> Int32? {
        let stat = (try? Files.readText("/proc/\(process)/stat", limit: 4096)) ?? ""
        let words = stat.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 1 ? Int32(words[1]) : nil
    }
}
