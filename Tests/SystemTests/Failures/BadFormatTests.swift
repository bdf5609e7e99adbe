import Bytes
import FileSystemLab
import Foundation
import Platform
import Testing

/// Image formats with damaged headers and tables: refused or served, in bounded time, and nothing
/// of it reaches the host's side.
@Suite(.tags(.system)) struct BadFormatTests {
    @Test(arguments: ["qcow2", "vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])
    func `images whose headers are damaged are survived`(format: String) throws {
        try Causeway.scoped { causeway in
            let raw = try causeway.copy("fat16")
            let image = "\(causeway.folder)/disk.\(format)"
            try Command.require("qemu-img", ["convert", "-f", "raw", "-O", format, raw, image])
            let good = try Files.read(image)
            for round in 0..<Settings.rounds(5, full: 100) {
                try RawPath(image).write(Self.damage(good, seed: UInt64(round)))
                let before = try Lab.sha256(image)
                let options = ["--format", format]
                try Self.expectBounded(
                    try causeway.run(["probe", image] + options, seconds: 90), round)
                // The look, and then the servers.
                let export = try causeway.run(
                    ["export", image, "--nbd", "--partition", "1"] + options, seconds: 90)
                try Self.expectBounded(export, round)
                if export.isSuccess {
                    let unmount = try causeway.run(["unmount", image], seconds: 90)
                    #expect(!unmount.timedOut, "round \(round): \(unmount)")
                }
                #expect(try Lab.sha256(image) == before, "round \(round)")
            }
            let names = try Files.list("\(causeway.folder)/run/causeway")
            #expect(!names.contains { $0.hasPrefix("probe-") }, "\(names)")
        }
    }

    private static func expectBounded(_ outcome: Outcome, _ round: Int) throws {
        #expect(!outcome.timedOut, "round \(round): \(outcome)")
        #expect([0, 3, 4, 6].contains(outcome.status), "round \(round): \(outcome)")
    }

    /// Changes up to eight bytes at the start, where headers and tables are, and one at the end,
    /// where a VHD has its footer.
    private static func damage(_ good: [UInt8], seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed &* 7919 &+ 17)
        var bytes = good
        let ends: [UInt8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
        for index in 0...(random.next() % 8) {
            let limit = [128, 4096, 256 << 10][Int(index % 3)]
            let place = Int(random.next() % UInt64(min(bytes.count, limit)))
            let flipped = bytes[place] ^ (1 << UInt8(random.next() % 8))
            bytes[place] = index % 2 == 0 ? flipped : ends[Int(random.next() % 6)]
        }
        bytes[bytes.count - 1 - Int(random.next() % 512)] ^= 1 << UInt8(random.next() % 8)
        return bytes
    }
}
