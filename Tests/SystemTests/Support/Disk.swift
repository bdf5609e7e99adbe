import FileSystemLab
import Foundation
import Platform

/// Disks with partition tables, put together from filled images.
enum Disk {
    /// A disk with these file systems in partitions 1, 2, …; `label` as sfdisk names it.
    static func make(
        _ names: [String], label: String = "gpt", at path: String, gapMebibytes: Int = 1
    ) throws {
        var start = 2048
        var lines = ["label: \(label)", "unit: sectors"]
        var parts: [(image: String, start: Int)] = []
        for name in names {
            let image = try Lab.image(of: try FileSystem.named(name))
            let sectors = (Int(try Files.status(image).size) + 511) / 512
            lines.append("start=\(start), size=\(sectors)")
            parts.append((image, start))
            start = (start + sectors + gapMebibytes * 2048 + 2047) / 2048 * 2048
        }
        try Command.require("truncate", ["-s", "\((start + 4096) * 512)", path])
        try RawPath("\(path).table").write(Array(lines.joined(separator: "\n").utf8))
        try Command.shell("sfdisk -q \"$1\" <\"$1.table\"", [path])
        for part in parts {
            try Command.require(
                "dd",
                [
                    "if=\(part.image)", "of=\(path)", "bs=512", "seek=\(part.start)",
                    "conv=notrunc,sparse", "status=none",
                ])
        }
    }
}
