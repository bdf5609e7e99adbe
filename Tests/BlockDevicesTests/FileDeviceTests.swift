import BlockDevice
import BlockDevices
import Platform
import FileSystemLab
import Testing

@Suite struct FileDeviceTests {
    let folder: Scratch

    init() throws { folder = try Scratch() }

    private func read(_ device: any BlockDevice, _ offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xa5, count: count)
        try bytes.withUnsafeMutableBytes { try device.read(at: offset, into: $0) }
        return bytes
    }

    private func write(_ device: any BlockDevice, _ offset: UInt64, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try device.write(at: offset, from: $0, options: []) }
    }

    @Test func `a file that was cut is never read as zeros`() throws {
        let path = try folder.file("disk", size: 1 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        let other = try Files.open(path, .readWrite)
        try Files.truncate(other, to: 500_000)
        let error = #expect(throws: BlockError.self) { try read(device, 499_000, 4096) }
        #expect(error == .gone("another program cut the file shorter"))
        // Growing it again does not bring back what was lost.
        try Files.truncate(other, to: 1 << 20)
        #expect(throws: BlockError.self) { try read(device, 0, 512) }
        #expect(throws: BlockError.self) { try write(device, 0, [1]) }
        #expect(throws: BlockError.self) { try device.flush() }
    }

    @Test func `a flush finds a file that was cut`() throws {
        let path = try folder.file("disk", size: 1 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        try write(device, 0, [1, 2, 3])
        try Files.truncate(try Files.open(path, .readWrite), to: 4096)
        #expect(throws: BlockError.gone("another program cut the file shorter")) {
            try device.flush()
        }
    }

    @Test func `what lies past the end of a cut file is no hole`() throws {
        let path = try folder.file("disk", size: 1 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: false))
        try Files.truncate(try Files.open(path, .readWrite), to: 4096)
        #expect(throws: BlockError.self) {
            try device.extents(in: BlockRange(offset: 0, length: 1 << 20), limit: 10)
        }
    }

    @Test func `holes are told from data, and trims make holes`() throws {
        let path = try folder.file("disk", size: 8 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        try write(device, 1 << 20, [UInt8](repeating: 7, count: 1 << 20))
        let all = BlockRange(offset: 0, length: 8 << 20)
        #expect(
            try device.extents(in: all, limit: 10) == [
                .hole(1 << 20), .data(1 << 20), .hole(6 << 20),
            ])
        #expect(try device.extents(in: all, limit: 1) == [.hole(1 << 20)])
        try device.flush()
        let before = try Files.allocated(path)
        try device.trim(BlockRange(offset: 1 << 20, length: 1 << 20), options: [])
        #expect(try device.extents(in: all, limit: 10) == [.hole(8 << 20)])
        #expect(try Files.allocated(path) + (1 << 20) <= before)
    }

    @Test func `zeros that may not trim keep their space`() throws {
        let path = try folder.file("disk", size: 4 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        try write(device, 0, [UInt8](repeating: 7, count: 4 << 20))
        try device.flush()
        let before = try Files.allocated(path)
        try device.writeZeroes(BlockRange(offset: 0, length: 4 << 20), options: [])
        try device.flush()
        #expect(try Files.allocated(path) >= before)
        #expect(try read(device, 0, 4 << 20).allSatisfy { $0 == 0 })
    }

    @Test func `neither a folder nor a pipe is a disk`() throws {
        let pipe = try Descriptors.pipe()
        #expect(throws: SystemError.self) {
            try FileDevice(pipe.0, options: .init(isWritable: false))
        }
        let directory = try Files.open(folder.path, [.readOnly, .directory])
        #expect(throws: SystemError.self) {
            try FileDevice(directory, options: .init(isWritable: false))
        }
    }

    @Test func `a descriptor without the right to write tells errors, not success`() throws {
        let path = try folder.file("disk", size: 1 << 20)
        let device = try FileDevice(
            try Files.open(path, .readOnly), options: .init(isWritable: true))
        #expect(throws: BlockError.self) { try write(device, 0, [1]) }
    }

    @Test func `QEMU reads what was written`() throws {
        let path = try folder.file("disk", size: 16 << 20)
        let device = try FileDevice(path: path, options: .init(isWritable: true))
        try write(device, 3 << 20, [UInt8](repeating: 0xab, count: 1 << 20))
        try device.writeZeroes(
            BlockRange(offset: (3 << 20) + 4096, length: 8192), options: .mayTrim)
        try device.flush()
        for pattern in [
            "read -P 0 0 3M", "read -P 0xab 3M 4k", "read -P 0 3149824 8k",
            "read -P 0xab 3158016 1036288",
        ] {
            let outcome = try Command.require(
                "qemu-io", ["-f", "raw", "-r", "-c", pattern, path])
            #expect(!(outcome.stdout + outcome.stderr).contains("failed"), "\(outcome)")
        }
    }

    @Test(
        arguments: [
            (11, .wouldWait), (28, .noSpace), (122, .noSpace), (5, .medium), (61, .medium),
            (84, .medium), (19, .gone), (6, .gone), (9, .gone), (116, .gone), (95, .unsupported),
            (25, .unsupported),
        ] as [(Int, BlockIO.Meaning)])
    func `an errno is told apart`(errno: Int, meaning: BlockIO.Meaning) {
        #expect(BlockIO.meaning(of: -errno) == meaning)
    }
}
