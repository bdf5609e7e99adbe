import BlockDevice
import BlockDeviceSuite
import BlockDevices
import Platform
import FileSystemLab
import Testing

/// The one suite on every store.
@Suite struct ConformanceTests {
    @Test func `memory passes the suite`() throws {
        let subject = SuiteSubject("memory") { size in
            let device = MemoryDevice(size: size)
            return SuiteDevice(device, resize: { device.resize(to: $0) })
        }
        let passedOver = try BlockDeviceSuite.run(subject)
        #expect(
            passedOver == [
                "a device without the right to write refuses changes",
                "a crash takes nothing that was flushed",
                "a forced write survives without a flush",
            ])
    }

    @Test(arguments: [true, false])
    func `memory that loses power passes the suite`(inPart: Bool) throws {
        let subject = SuiteSubject("memory that loses power") { size in
            var options = MemoryDevice.Options()
            options.losesPower = true
            let device = MemoryDevice(size: size, options: options)
            let crash: @Sendable () throws -> any BlockDevice = {
                var generator = SystemRandomNumberGenerator()
                if inPart { device.crash(using: &generator) } else { device.crash() }
                return device
            }
            return SuiteDevice(device, crash: crash, resize: { device.resize(to: $0) })
        }
        let passedOver = try BlockDeviceSuite.run(subject)
        #expect(passedOver == ["a device without the right to write refuses changes"])
    }

    @Test func `memory that cannot be written passes the suite`() throws {
        let subject = SuiteSubject("read-only memory") { size in
            var options = MemoryDevice.Options()
            options.isWritable = false
            return SuiteDevice(MemoryDevice(size: size, options: options))
        }
        #expect(try BlockDeviceSuite.run(subject).count == 9)
    }

    @Test(arguments: ["/tmp", "/dev/shm"])
    func `a file passes the suite`(place: String) throws {
        let subject = SuiteSubject("a file in \(place)", mayTearReads: true) { size in
            let name = Host.randomBytes(8).map { String($0, radix: 16) }.joined()
            let path = "\(place)/causeway-test-\(name)"
            let file = try Files.open(path, [.readWrite, .create, .exclusive])
            // The descriptor is all that is needed.
            try Files.remove(path)
            try Files.truncate(file, to: size)
            let device = try FileDevice(file, options: .init(isWritable: true))
            return SuiteDevice(
                device,
                resize: {
                    try Files.truncate(file, to: $0)
                    try device.refreshSize()
                })
        }
        let passedOver = try BlockDeviceSuite.run(subject)
        #expect(
            passedOver.filter { $0 != "what was just read is read at once" } == [
                "a device without the right to write refuses changes",
                "a crash takes nothing that was flushed",
                "a forced write survives without a flush",
            ])
    }

    @Test func `a file that cannot be written passes the suite`() throws {
        let folder = try Scratch()
        let subject = SuiteSubject("read-only file") { size in
            let path = try folder.file("disk", size: size)
            try Files.write(
                [UInt8](repeating: 3, count: 100_000), to: try Files.open(path, .readWrite),
                at: 70_000)
            return SuiteDevice(try FileDevice(path: path, options: .init(isWritable: false)))
        }
        #expect(try BlockDeviceSuite.run(subject).count == 9)
    }
}
