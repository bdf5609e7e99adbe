import Bytes
import Platform
import Testing

@testable import Sandbox

@Suite struct ELFImageTests {
    private func image(_ bytes: [UInt8]) -> ELFImage? {
        ELFImage { offset, count in
            offset < UInt64(bytes.count) ? Array(bytes[Int(offset)...].prefix(count)) : []
        }
    }

    @Test func `reads a program's needs`() throws {
        let image = try #require(image(try Files.read("/bin/sh")))
        #expect(image.needed.contains("libc.so.6"))
        #expect(try #require(image.interpreter).hasPrefix("/lib"))
    }

    @Test(arguments: [0, 1, 15, 16, 63, 64, 65, 200, 1000])
    func `a program that is cut off is no program, and no crash`(length: Int) throws {
        let whole = try Files.read("/bin/sh")
        let cut = image(Array(whole.prefix(length)))
        #expect(cut == nil || cut?.needed.isEmpty == false || cut?.interpreter?.isEmpty == true)
    }

    @Test func `flipped bits are no crash`() throws {
        let whole = try Files.read("/bin/sh")
        var state: UInt64 = 42
        for _ in 0..<300 {
            var bytes = Array(whole.prefix(4096))
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % 1024] ^= UInt8(1 << (state >> 60 & 7))
            }
            _ = image(bytes)
        }
    }

    @Test func `a text is no program`() {
        #expect(image(Array("#!/bin/sh\necho\n".utf8)) == nil)
        #expect(image([]) == nil)
    }
}

@Suite struct SharedLibrariesTests {
    @Test func `finds a program's libraries and its linker`() throws {
        let libraries = try SharedLibraries(of: ["/bin/ls"])
        #expect(libraries.libraries.contains { $0.name == "libc.so.6" })
        #expect(libraries.interpreters.count == 1)
        for library in libraries.libraries { #expect(Files.isReadable(library.path)) }
    }

    @Test func `names each library once for several programs`() throws {
        let names = try SharedLibraries(of: ["/bin/ls", "/bin/sh"]).libraries.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func `agrees with the system's own linker`() throws {
        let (_, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/ldd", arguments: ["/usr/bin/qemu-storage-daemon"]))
        let theirs = String(decoding: output, as: UTF8.self).split(separator: "\n")
            .filter { $0.contains("=> /") }
            .compactMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
        let ours = try SharedLibraries(of: ["/usr/bin/qemu-storage-daemon"]).libraries.map(\.name)
        #expect(Set(ours) == Set(theirs))
    }

    @Test func `says which file is missing`() {
        #expect(throws: SandboxError.missing("/no/such/program")) {
            try SharedLibraries(of: ["/no/such/program"])
        }
        #expect(throws: SandboxError.notExecutable("/etc/passwd")) {
            try SharedLibraries(of: ["/etc/passwd"])
        }
    }
}

@Suite struct LibraryCacheTests {
    /// An index with one entry, as the linker's own tool lays it out.
    private func index(name: String, path: String, capabilities: UInt64 = 0) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeRaw(Array("glibc-ld.so.cache1.1".utf8))
        writer.write(1 as UInt32)
        writer.write(UInt32(name.utf8.count + path.utf8.count + 2))
        writer.writeRaw([UInt8](repeating: 0, count: 20))
        writer.write(0x0303 as UInt32)
        writer.write(72 as UInt32)
        writer.write(UInt32(72 + name.utf8.count + 1))
        writer.write(0 as UInt32)
        writer.write(capabilities)
        writer.writeRaw(Array(name.utf8) + [0] + Array(path.utf8) + [0])
        return writer.bytes
    }

    @Test func `finds a library`() {
        let cache = LibraryCache(index(name: "libx.so.1", path: "/opt/libx.so.1"))
        #expect(cache.paths(of: "libx.so.1") == ["/opt/libx.so.1"])
        #expect(cache.paths(of: "liby.so.1").isEmpty)
    }

    @Test func `passes over variants for particular processors`() {
        let cache = LibraryCache(index(name: "libx.so", path: "/v3/libx.so", capabilities: 1 << 62))
        #expect(cache.paths(of: "libx.so").isEmpty)
    }

    @Test func `an index that is cut off or garbled is empty`() {
        let whole = index(name: "libx.so", path: "/libx.so")
        for length in 0..<72 {
            #expect(LibraryCache(Array(whole.prefix(length))).paths(of: "libx.so").isEmpty)
        }
        #expect(LibraryCache([UInt8](repeating: 0xff, count: 4096)).paths(of: "").isEmpty)
    }

    @Test func `reads this host's index`() throws {
        guard Files.exists("/etc/ld.so.cache") else { return }
        #expect(!LibraryCache(try Files.read("/etc/ld.so.cache")).paths(of: "libc.so.6").isEmpty)
    }
}
