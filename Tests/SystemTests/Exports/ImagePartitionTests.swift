import FileSystemLab
import Foundation
import Platform
import Testing

/// Partitions and overlays of disks that lie in image formats.
@Suite(.tags(.system)) struct ImagePartitionTests {
    /// Writes into the second megabyte of a disk.
    private static let writes = ["-c", "write -P 7 1M 64k", "-c", "write -P 8 1500k 4k"]
    private static let reads = ["-c", "read -P 7 1M 64k", "-c", "read -P 8 1500k 4k"]

    /// A raw disk, the same disk as an image, and where its second partition lies.
    private struct Disks {
        var raw: String
        var image: String
        var offset: Int
        var length: Int

        init(_ causeway: Causeway, format: String) throws {
            raw = "\(causeway.folder)/disk.img"
            image = "\(causeway.folder)/disk.\(format)"
            try Disk.make(["fat16", "ext4"], at: raw)
            // VHD rounds sizes up, unless told not to.
            let options = format == "vpc" ? ["-o", "force_size=on"] : []
            try Command.require(
                "qemu-img", ["convert", "-f", "raw", "-O", format] + options + [raw, image])
            let table = try Self.table(try causeway.run(["probe", raw, "--json"]))
            let inImage = try causeway.run(["probe", image, "--format", format, "--json"])
            #expect(try Self.table(inImage) == table, "the disk in the image has another table")
            let part = try #require(table.last)
            (offset, length) = (part.lowerBound, part.count)
        }

        private static func table(_ outcome: Outcome) throws -> [Range<Int>] {
            try #require(outcome.isSuccess, "\(outcome)")
            let document = try JSONSerialization.jsonObject(with: Data(outcome.output))
            let content = (document as? [String: Any])?["content"] as? [String: Any]
            let table = try #require(content?["partitionTable"] as? [String: Any], "\(outcome)")
            let partitions = try #require(table["partitions"] as? [[String: Any]])
            return try partitions.map {
                let start = try #require($0["offsetBytes"] as? Int)
                return start..<start + (try #require($0["lengthBytes"] as? Int))
            }
        }

        /// Makes the same writes on the raw disk, and expects the image to be equal.
        func expectWritten(format: String) throws {
            let part =
                "driver=raw,file.driver=file,file.filename=\(raw),offset=\(offset),size=\(length)"
            try Command.require("qemu-io", ["--image-opts", part] + writes)
            try Command.require("qemu-img", ["compare", "-f", "raw", "-F", format, raw, image])
        }
    }

    @Test(arguments: ["qcow2", "vmdk", "vdi", "vhdx", "vpc"], [[], ["--in-guest"]])
    func `a partition of an image is a disk of its own`(format: String, road: [String]) throws {
        try Causeway.scoped { causeway in
            let disks = try Disks(causeway, format: format)
            let options = ["--nbd", "--write", "--format", format, "--partition", "2"] + road
            try causeway.withExport(disks.image, options) { exported in
                let url = try exported.url("nbd:")
                let size = try Command.require("nbdinfo", ["--size", url]).stdout
                #expect(size == "\(disks.length)\n")
                try Command.require(
                    "qemu-io", ["-f", "raw"] + Self.writes + ["-c", "flush", url])
            }
            try disks.expectWritten(format: format)
        }
    }

    @Test(arguments: ["qcow2", "vmdk"], [[], ["--in-guest"]])
    func `an overlay of a partition of an image is kept, and can be committed`(
        format: String, road: [String]
    ) throws {
        try Causeway.scoped { causeway in
            let disks = try Disks(causeway, format: format)
            let before = try Lab.sha256(disks.image)
            let options = ["--nbd", "--scratch", "--format", format] + road
            let part = options + ["--partition", "2"]
            try causeway.withExport(disks.image, part) { exported in
                let url = try exported.url("nbd:")
                try Command.require(
                    "qemu-io", ["-f", "raw"] + Self.writes + ["-c", "flush", url])
            }
            #expect(try Lab.sha256(disks.image) == before)
            // The whole disk has the partition's bytes too.
            let whole = try causeway.run(["export", disks.image] + options)
            #expect(whole.status == 5 && whole.stderr.contains("causeway commit"), "\(whole)")
            try causeway.withExport(disks.image, part) { exported in
                let url = try exported.url("nbd:")
                try Command.require("qemu-io", ["-f", "raw", "-r"] + Self.reads + [url])
            }
            let commit = try causeway.run(["commit", disks.image], seconds: 120)
            #expect(commit.isSuccess, "\(commit)")
            try disks.expectWritten(format: format)
        }
    }

    @Test(arguments: ["qcow2", "vdi"])
    func `an overlay of the whole disk in an image has the disk's size`(format: String) throws {
        try Causeway.scoped { causeway in
            let disks = try Disks(causeway, format: format)
            let options = ["--nbd", "--scratch", "--format", format]
            try causeway.withExport(disks.image, options) { exported in
                let url = try exported.url("nbd:")
                try Command.require(
                    "qemu-img", ["compare", "-f", "raw", "-F", "raw", disks.raw, url])
                try Command.require("qemu-io", ["-f", "raw"] + Self.writes + [url])
            }
            #expect(try causeway.run(["discard", disks.image]).isSuccess)
            try Command.require(
                "qemu-img", ["compare", "-f", "raw", "-F", format, disks.raw, disks.image])
        }
    }

    @Test func `what is no such image, or has no such partition, is an error`() throws {
        try Causeway.scoped { causeway in
            let disks = try Disks(causeway, format: "qcow2")
            func export(_ source: String, _ options: [String]) throws -> Outcome {
                try causeway.run(["export", source, "--nbd"] + options)
            }
            let absent = try export(disks.image, ["--format", "qcow2", "--partition", "9"])
            #expect(absent.status == 3 && absent.stderr.contains("no partition 9"), "\(absent)")
            let other = try export(disks.image, ["--format", "vdi", "--partition", "2"])
            #expect(other.status == 3 && other.stderr.contains("qcow2"), "\(other)")
            let raw = try export(disks.raw, ["--format", "qcow2", "--scratch"])
            #expect(raw.status == 3 && raw.stderr.contains("--format"), "\(raw)")
            let dmg = try export(disks.raw, ["--format", "dmg", "--write"])
            #expect(dmg.status == 4 && dmg.stderr.contains("--scratch"), "\(dmg)")
            // A header that promises tables which are not there.
            try RawPath(disks.image).truncate(to: 70_000)
            let cut = try export(disks.image, ["--format", "qcow2", "--partition", "2"])
            #expect(!cut.isSuccess && !cut.stderr.isEmpty, "\(cut)")
        }
    }
}
