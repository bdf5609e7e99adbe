import JSONText
import Platform
import Testing

@testable import StorageDaemon

@Suite struct OverlayImageTests {
    private func write(_ size: UInt64, to path: String) throws {
        let file = try Files.open(path, [.readWrite, .create])
        let image = OverlayImage.empty(size: size)
        for piece in image.pieces { try Files.write(piece.bytes, to: file, at: piece.offset) }
        try Files.truncate(file, to: image.fileLength)
    }

    @Test(
        arguments: [
            512, 1 << 20, 512 << 20, (512 << 20) + 512, 1 << 40, (4 << 40) + 512, 64 << 40,
        ] as [UInt64])
    func `QEMU finds an empty image of that size and no fault in it`(size: UInt64) throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/overlay"
        try write(size, to: path)
        let check = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/qemu-img", arguments: ["check", "-f", "qcow2", path]))
        #expect(check.end.isSuccess)
        #expect(String(decoding: check.output, as: UTF8.self).hasPrefix("No errors were found"))
        let info = try ChildProcess.run(
            SpawnOptions(
                path: "/usr/bin/qemu-img",
                arguments: ["info", "-f", "qcow2", "--output", "json", path]))
        let value = try JSONValue(parsing: info.output)
        #expect(value["virtual-size"]?.integerValue == Int64(size))
        #expect(value["backing-filename"] == nil)
    }

    @Test func `its own head declares the size`() {
        let head = OverlayImage.empty(size: 12_345 << 9).pieces[0].bytes
        #expect(OverlayImage.declaredSize(head) == 12_345 << 9)
    }

    @Test func `a head that is cut off, older or something else declares nothing`() {
        var head = OverlayImage.empty(size: 1 << 20).pieces[0].bytes
        for length in 0..<32 { #expect(OverlayImage.declaredSize(Array(head[..<length])) == nil) }
        head[7] = 2
        #expect(OverlayImage.declaredSize(head) == nil)
        #expect(OverlayImage.declaredSize([UInt8](repeating: 0x51, count: 512)) == nil)
    }
}
