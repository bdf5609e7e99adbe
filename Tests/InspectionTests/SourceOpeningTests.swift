import Catalogue
import Glibc
import Platform
import Testing

@testable import Inspection

@Suite struct SourceOpeningTests {
    private func failure(_ path: String) -> InspectionError? {
        do {
            _ = try Inspector().inspect(path: path)
            return nil
        } catch { return error }
    }

    @Test func `a missing file is said to be missing`() throws {
        let error = try #require(failure("/nonexistent/disk.img"))
        #expect(error.kind == .notASource)
        #expect(error.cause.contains("does not exist"))
    }

    @Test func `a folder is no source`() throws {
        let error = try #require(failure("/tmp"))
        #expect(error.kind == .notASource)
        #expect(error.cause.contains("folder"))
    }

    @Test func `a character device is no source`() throws {
        let error = try #require(failure("/dev/null"))
        #expect(error.kind == .notASource)
        #expect(error.cause.contains("character device"))
    }

    @Test func `a pipe is refused without waiting for a writer`() throws {
        let disk = try TestDisk(size: 0)
        unlink(disk.path)
        #expect(mkfifo(disk.path, 0o600) == 0)
        #expect(try #require(failure(disk.path)).kind == .notASource)
    }

    @Test func `an empty file is said to be empty`() throws {
        let disk = try TestDisk(size: 0)
        #expect(try #require(failure(disk.path)).cause.contains("0 bytes"))
    }

    @Test(.enabled(if: geteuid() != 0, "not run: root may read everything"))
    func `a file without read permission is denied`() throws {
        let disk = try TestDisk(size: 4096)
        chmod(disk.path, 0)
        #expect(try #require(failure(disk.path)).kind == .denied)
    }

    @Test func `a circle of links is named`() throws {
        let disk = try TestDisk(size: 0)
        unlink(disk.path)
        #expect(symlink(disk.path, disk.path) == 0)
        #expect(try #require(failure(disk.path)).cause.contains("loop"))
    }

    @Test(arguments: [1, 2, 511, 512, 513, 1023, 1024, 1025, 4095] as [UInt64])
    func `tiny files are read and unknown`(_ size: UInt64) throws {
        let disk = try TestDisk(size: size)
        let report = try disk.report()
        #expect(report.geometry.size == size)
        #expect(report.root.isUnknown)
        #expect(throws: InspectionError.self) { try report.selectVolumes() }
    }

    @Test func `text and noise are unknown`() throws {
        let text = try TestDisk(size: 0)
        text.write(String(repeating: "All happy families are alike. ", count: 9000), at: 0)
        #expect(try text.report().root.isUnknown)
        let noise = try TestDisk(size: 0)
        var state: UInt64 = 88_172_645_463_325_252
        noise.write(
            (0..<(1 << 20)).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state)
            }, at: 0)
        #expect(try noise.report().root.isUnknown)
    }

    @Test func `the largest file that exists is no trouble`() throws {
        let disk = try TestDisk(size: 4096)
        var size: UInt64 = 1 << 62
        while size > 1 << 40 {
            if (try? disk.resize(size)) != nil { break }
            size >>= 1
        }
        #expect(try disk.report().root.isUnknown)
        disk.writeSquashfs(at: 0)
        #expect(try disk.report().root.fileSystem?.entry.name == "squashfs")
    }
}
