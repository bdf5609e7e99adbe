import BlockDevice
import BlockDevices
import FileSystemLab
import Platform
import Testing

@Suite struct CutFileTests {
    @Test func `a file that is known to be cut takes no trim and no zeros any more`() throws {
        let folder = try Scratch()
        let path = try folder.file("disk", size: 1 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        try Files.truncate(try Files.open(path, .readWrite), to: 4096)
        #expect(throws: BlockError.self) { try device.flush() }
        let range = BlockRange(offset: 0, length: 4096)
        let cut = BlockError.gone("another program cut the file shorter")
        #expect(throws: cut) { try device.trim(range, options: []) }
        #expect(throws: cut) { try device.writeZeroes(range, options: .mayTrim) }
    }
}
