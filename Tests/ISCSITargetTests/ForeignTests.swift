import SCSITarget
import Testing

@testable import ISCSITarget

/// Programs of other people against our server: libiscsi's tools and QEMU's block driver.
@Suite struct ForeignTests {
    static let user = "alice%correcthorsebattery@"
    static let credential = ISCSICredential(
        user: "alice", secret: Array("correcthorsebattery".utf8),
        mutual: .init(user: "disk", secret: Array("anothersecret".utf8)))

    /// Runs families of libiscsi's conformance tests; the tool counts skips as passes.
    static func conformance(_ families: [String], _ url: String) throws -> String {
        let (code, text) = try Tool.run(
            "/usr/bin/iscsi-test-cu", ["-d", "-t", families.joined(separator: ","), url])
        #expect(code == 0)
        let tests = text.split(separator: "\n").first { $0.contains("  tests ") }
        // Columns: total, ran, passed, failed.
        let counts = tests?.split(separator: " ").compactMap { Int($0) } ?? []
        #expect(counts.count >= 4 && counts[0] > 0 && counts[0] == counts[2], "\(text)")
        return text
    }

    @Test(arguments: [
        "iSCSI.iSCSIcmdsn", "iSCSI.iSCSIdatasn", "iSCSI.iSCSIResiduals", "iSCSI.iSCSITMF",
    ])
    func `libiscsi's families of the protocol pass without a skip`(_ family: String) throws {
        let bench = try Bench()
        let text = try Self.conformance([family], bench.url())
        #expect(!text.contains("SKIPPED"), "\(text)")
    }

    @Test func `they pass with a password and header digests`() throws {
        let bench = try Bench { $0.targets[0].credentials = [Self.credential] }
        let url = bench.url(Self.user, lun: 0, "?header_digest=crc32c")
        #expect(try !Self.conformance(["iSCSI"], url).contains("SKIPPED"))
    }

    @Test func `discovery lists the target`() throws {
        let bench = try Bench()
        let (code, text) = try Tool.run(
            "/usr/bin/iscsi-ls", ["-s", "iscsi://127.0.0.1:\(bench.port)"])
        #expect(code == 0)
        #expect(text.contains("Target:\(Bench.iqn) Portal:127.0.0.1:\(bench.port),1"))
        #expect(text.contains("Lun:0"))
    }

    @Test func `discovery asks for its password`() throws {
        let bench = try Bench { $0.discoveryCredentials = [Self.credential] }
        func listed(_ login: String) throws -> Bool {
            let (code, text) = try Tool.run(
                "/usr/bin/iscsi-ls", ["iscsi://\(login)127.0.0.1:\(bench.port)"])
            return code == 0 && text.contains(Bench.iqn)
        }
        #expect(try !listed(""))
        #expect(try !listed("alice%wrongwrongwrong@"))
        #expect(try listed(Self.user))
    }

    @Test func `a password is needed, the right one is enough, and ours can be asked for`() throws {
        let bench = try Bench { $0.targets[0].credentials = [Self.credential] }
        func enters(_ login: String, _ options: String = "") throws -> Bool {
            let (code, text) = try Tool.run(
                "/usr/bin/iscsi-inq", [bench.url(login, lun: 0, options)])
            return code == 0 && text.contains("DIRECT_ACCESS")
        }
        #expect(try !enters(""))
        #expect(try !enters("alice%wrongwrongwrong@"))
        #expect(try !enters("bob%correcthorsebattery@"))
        #expect(try enters(Self.user))
        #expect(try enters(Self.user, "?target_user=disk&target_password=anothersecret"))
        #expect(try !enters(Self.user, "?target_user=disk&target_password=somethingelse"))
    }

    @Test func `QEMU reads what it wrote`() throws {
        let bench = try Bench()
        var commands: [String] = []
        for (index, size) in ["512", "4k", "64k", "1M", "9M"].enumerated() {
            let offset = index * 10
            commands += ["-c", "write -P \(index + 1) \(offset)M \(size)"]
            commands += ["-c", "read -P \(index + 1) \(offset)M \(size)"]
        }
        let (code, text) = try Tool.run(
            "/usr/bin/qemu-io", ["-f", "raw"] + commands + ["-c", "flush", bench.url()])
        #expect(code == 0 && !text.contains("verification failed"), "\(text)")
        #expect(bench.disk.content(30 << 20, 4) == [4, 4, 4, 4])
        #expect(bench.disk.content((49 << 20) - 1, 1) == [5])
    }

    @Test func `QEMU does the same where every command waits for a thread`() throws {
        let bench = try Bench(disk: MemoryDisk(isImmediate: false))
        let (code, text) = try Tool.run(
            "/usr/bin/qemu-img",
            [
                "bench", "-f", "raw", "-w", "-d", "64", "-c", "5000", "-s", "4096", "--pattern=7",
                bench.url(),
            ])
        #expect(code == 0, "\(text)")
        #expect(bench.disk.content(4096 * 4999, 4096) == [UInt8](repeating: 7, count: 4096))
    }

    /// Reasons that libiscsi's tool gives for tests that it leaves out, and what makes up for them.
    static let reasons = [
        // They erase the disk and last for minutes; run by hand with --allow-sanitize.
        "--allow-sanitize flag is not set",
        // Families of their own below. With physical blocks of several logical ones all but one
        // test pass: GetLBAStatus.UnmapSingle asks for a block and wants the answer to begin at
        // another.
        "LBPPB < 2",
        "Logical unit is not removable", "Logical unit is not write-protected",
        "Media is not removable",
        // Needs a device that promises it; none does.
        "WRITEATOMIC16 is not",
    ]

    @Test func `all of libiscsi's families pass, and every skip has its reason`() throws {
        let bench = try Bench(disk: MemoryDisk(bytes: 16 << 20))
        let url = bench.url()
        let (code, text) = try Tool.run(
            "/usr/bin/iscsi-test-cu", ["-d", "-n", "-t", "ALL", url, url],
            milliseconds: 540_000)
        #expect(code == 0)
        let tests = text.split(separator: "\n").first { $0.contains("  tests ") }
        let counts = tests?.split(separator: " ").compactMap { Int($0) } ?? []
        #expect(counts.count >= 4 && counts[0] == 230 && counts[2] == 230, "\(text)")
        for line in text.split(separator: "\n") where line.contains("[SKIPPED]") {
            #expect(Self.reasons.contains { line.contains($0) }, "\(line)")
        }
    }

    @Test func `the families of removable, of wide and of read-only disks pass`() throws {
        let removable = try Bench(isRemovable: true)
        let families = ["ALL.NoMedia", "ALL.PreventAllow", "ALL.StartStopUnit"]
        #expect(try !Self.conformance(families, removable.url()).contains("not removable"))
        let wide = try Bench(disk: MemoryDisk(physical: 4096))
        let unaligned = [
            "ALL.WriteSame10", "ALL.WriteSame16", "ALL.Unmap", "ALL.GetLBAStatus.Simple",
        ]
        #expect(try !Self.conformance(unaligned, wide.url()).contains("LBPPB"))
        let readOnly = try Bench(isReadOnly: true)
        let text = try Self.conformance(["ALL.ReadOnly"], readOnly.url())
        #expect(!text.contains("SKIPPED"), "\(text)")
    }
}
