import FileSystemLab
import Foundation
import Platform
import Testing

/// Files beyond 4 GiB.
@Suite(.tags(.system)) struct LargeFileTests {
    private static let size: UInt64 = 5 << 30
    private static let able = FileSystem.table.filter { $0.largeMebibytes != nil && $0.writable }
    /// Those that keep holes take no time; the others really write 5 GB.
    private static let chosen = able.filter { Settings.isFull || $0.written.sparse }

    @Test(arguments: chosen)
    func `a file of 5 GB keeps its ends and its middle`(fileSystem: FileSystem) throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/large.img"
            try fileSystem.makeImage(
                at: image, tree: try causeway.makeMountpoint("empty"),
                mebibytes: fileSystem.largeMebibytes)
            let places: [UInt64] = [0, (2 << 30) - 3, (4 << 30) - 5, Self.size - 9000]
            try causeway.withMount(image, ["--write"]) { mounted in
                let file = mounted.path("large")
                for place in places {
                    try file.write(Content(size: 9000, seed: place + 1).bytes, at: place)
                }
            }
            try fileSystem.checkImage(image)
            try causeway.withMount(image) { mounted in
                let path = "\(mounted.folder)/large"
                #expect(try Files.status(path).size == Self.size)
                let file = try Files.open(path, .readOnly)
                for place in places {
                    let found = try Files.read(file, at: place, count: 9000)
                    #expect(found == Content(size: 9000, seed: place + 1).bytes, "at \(place)")
                }
                #expect(try Files.read(file, at: 1 << 30, count: 5000).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func `FAT32 refuses the byte that would make a file 4 GiB long`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/large.img"
            let fileSystem = try FileSystem.named("fat32")
            try Command.require("truncate", ["-s", "5G", image])
            try Command.require("mkfs.fat", ["-F", "32", image])
            try causeway.withMount(image, ["--write"]) { mounted in
                try mounted.path("small").write([1])
                let code = try errnoOf { try mounted.path("small").write([1], at: 1 << 32) }
                #expect(code == EFBIG)
            }
            try fileSystem.checkImage(image)
        }
    }
}
