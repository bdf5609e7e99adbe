import Catalogue
import JSONText
import Testing

@testable import Inspection

@Suite struct ProbeReportTests {
    private func probe(_ disk: TestDisk) throws -> ProbeReport {
        ProbeReport(
            source: try disk.report(),
            host: HostSupport(
                facts: HostFacts(
                    registered: ["squashfs"], modules: nil, kernelRelease: "6.1.0-test",
                    programs: [:], user: 1000, mayMount: false, mayLoop: false, mayFUSE: false)))
    }

    private func partitioned() throws -> TestDisk {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeMBR([
            MBREntry(type: 0x83, start: 2048, count: 8192),
            MBREntry(type: 0x07, start: 16_384, count: 8192),
        ])
        disk.writeSquashfs(at: 2048 * 512)
        return disk
    }

    @Test func `shows an aligned tree with verdict, route and writes`() throws {
        let text = try probe(partitioned()).text
        #expect(text.contains("32.0 MiB  disk image, 33,554,432 bytes, 512-byte sectors"))
        #expect(text.contains("└─ dos"))
        #expect(text.contains("   ├─ 1"))
        #expect(text.contains("   │  └─ SquashFS"))
        #expect(text.contains("needs privileges: the host's kernel has squashfs"))
        #expect(text.contains("route     share:"))
        #expect(text.contains("writes    nothing is written to the source"))
        #expect(text.contains("--write   nothing: the guest's driver only reads"))
        #expect(text.contains("nothing was recognised"))
        #expect(text.contains("A plain mount shows 1 (SquashFS).\n"))
    }

    @Test func `JSON has exactly the members of its schema`() throws {
        let json = try probe(partitioned()).json
        #expect(json["schema"] == .integer(1))
        #expect(names(json) == ["schema", "source", "host", "content", "mount"])
        #expect(
            names(json["source"]) == [
                "path", "kind", "sizeBytes", "logicalSectorBytes", "physicalSectorBytes", "format",
                "looksLike",
            ])
        #expect(names(json["host"]) == ["kernel", "user", "mayMount", "mayLoop", "mayFUSE"])
        #expect(names(json["mount"]) == ["partitions", "error"])
        let content = try #require(json["content"])
        #expect(
            names(content) == [
                "offsetBytes", "lengthBytes", "fileSystem", "candidates", "alsoMatches", "layer",
                "partitionTable", "problems",
            ])
        let table = try #require(content["partitionTable"])
        #expect(names(table) == ["type", "identifier", "sectorBytes", "partitions", "problems"])
        guard case .array(let partitions)? = table["partitions"] else {
            Issue.record("partitions is an array")
            return
        }
        #expect(
            names(partitions[0]) == [
                "number", "offsetBytes", "lengthBytes", "type", "typeName", "name", "uuid", "flags",
                "role", "problem", "content",
            ])
        let found = partitions[0]["content"]?["fileSystem"]
        #expect(
            names(found) == [
                "name", "title", "type", "version", "label", "uuid", "sizeBytes", "state",
                "stateReason", "truncated", "checksumWrong", "notices", "mountRefusal",
                "writeRefusal", "host", "route", "writes",
                "guest", "traps",
            ])
        #expect(names(found?["writes"]) == ["readOnly", "scratch", "write"])
        #expect(json["mount"]?["partitions"] == .array([.string("1")]))
        #expect(try JSONValue(parsing: Array(json.text.utf8)) == json)
    }

    private func names(_ value: JSONValue?) -> [String] {
        guard case .object(let members)? = value else { return [] }
        return members.map(\.name)
    }

    @Test func `a label cannot talk to the terminal`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeGPT(
            [GPTEntry(first: 2048, last: 4095, name: "a\u{1b}[2Jb\u{202e}c")], sectors: 65_536)
        let text = try probe(disk).text
        #expect(!text.unicodeScalars.contains("\u{1b}"))
        #expect(!text.unicodeScalars.contains("\u{202e}"))
        #expect(text.contains("[2Jb"))
    }

    @Test func `sizes never look larger than they are`() {
        #expect(Words.size(0) == "0 B")
        #expect(Words.size(1023) == "1023 B")
        #expect(Words.size(1024) == "1.0 KiB")
        #expect(Words.size(1_048_575) == "1023.9 KiB")
        #expect(Words.size(1_048_576) == "1.0 MiB")
        #expect(Words.size(1_610_612_736) == "1.5 GiB")
        #expect(Words.size(.max) == "15.9 EiB")
        #expect(Words.grouped(1_234_567) == "1,234,567")
        #expect(Words.grouped(123) == "123")
    }
}
