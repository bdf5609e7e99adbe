import BlockDevice
import BlockDeviceSuite
import BlockDevices
import Platform
import StorageDaemon
import Synchronization
import FileSystemLab
import Testing

/// Storage daemons that really run, and the device that is their client.
@Suite struct NBDDeviceTests {
    /// A daemon, ended with the object.
    private final class Server: Sendable {
        let folder: Scratch
        let daemon: StorageDaemon

        init(
            _ format: ImageFormat, size: UInt64, readOnly: Bool = false, image: String? = nil
        ) throws {
            folder = try Scratch()
            let path = image ?? "\(folder.path)/image"
            if image == nil {
                try Command.require(
                    "qemu-img", ["create", "-q", "-f", format.rawValue, path, "\(size)"])
            }
            let plan = StoragePlan(
                nbdExportOf: try Files.open(path, readOnly ? .readOnly : .readWrite),
                format: format, readOnly: readOnly, socketFolder: "\(folder.path)/sockets")
            let log = try Files.open("\(folder.path)/log", [.writeOnly, .create, .append])
            daemon = try StorageDaemon.start(plan, log: log.raw)
            try daemon.waitUntilReady()
        }

        var image: String { "\(folder.path)/image" }

        func device(
            _ change: (inout NBDDevice.Options) -> Void = { _ in }
        ) throws -> NBDDevice {
            var options = NBDDevice.Options(
                export: StorageService.exportName, isWritable: true)
            change(&options)
            return try NBDDevice(path: daemon.diskSockets[0], options: options)
        }

        deinit { daemon.kill() }
    }

    /// Keeps the last server that was made for a subject.
    private final class Keeper: Sendable {
        private let last = Mutex<Server?>(nil)

        func keep(_ server: Server) -> Server {
            let before = last.withLock { last in
                defer { last = server }
                return last
            }
            // Ended here, not under the lock.
            withExtendedLifetime(before) {}
            return server
        }
    }

    private func subject(
        _ format: ImageFormat, readOnly: Bool = false, connections: Int = 8
    ) -> SuiteSubject {
        let keeper = Keeper()
        let name = "a \(format.rawValue) image, \(connections) connections"
        return SuiteSubject(name, mayTearReads: true) { size in
            let server = keeper.keep(try Server(format, size: size, readOnly: readOnly))
            // What a server has acknowledged survives its client; no more is claimed here.
            let reconnect: @Sendable () throws -> any BlockDevice = {
                try server.device { $0.connections = connections }
            }
            return SuiteDevice(try reconnect(), crash: reconnect)
        }
    }

    @Test(arguments: [(ImageFormat.raw, 8), (.qcow2, 8), (.qcow2, 1), (.vhdx, 4), (.vdi, 4)])
    func `an image passes the suite`(format: ImageFormat, connections: Int) throws {
        let passedOver = try BlockDeviceSuite.run(subject(format, connections: connections))
        #expect(
            passedOver == [
                "a device without the right to write refuses changes",
                "what was just read is read at once", "a change of size is told and obeyed",
            ])
    }

    @Test func `a read-only export passes the suite`() throws {
        let passedOver = try BlockDeviceSuite.run(subject(.raw, readOnly: true))
        #expect(passedOver.count == 10)
    }

    @Test func `a writable export has several connections, flushes and holes`() throws {
        let server = try Server(.qcow2, size: 4 << 20)
        let device = try server.device()
        #expect(device.properties.parallelism == 8)
        #expect(
            device.properties.capabilities == [
                .write, .volatileCache, .forceUnitAccess, .trim, .extents,
            ])
        try [UInt8](repeating: 7, count: 65_536).withUnsafeBytes {
            try device.write(at: 1 << 20, from: $0, options: .forceUnitAccess)
        }
        #expect(
            try device.extents(in: BlockRange(offset: 0, length: 4 << 20), limit: 10) == [
                .hole(1 << 20), .data(65_536), .hole((3 << 20) - 65_536),
            ])
        #expect(
            try device.extents(in: BlockRange(offset: 1000, length: 10), limit: 1) == [.hole(10)])
        #expect(try device.extents(in: BlockRange(offset: 0, length: 4 << 20), limit: 1).count == 1)
    }

    @Test func `what was written is in the image once the daemon has ended`() throws {
        let server = try Server(.qcow2, size: 8 << 20)
        let device = try server.device()
        for place in 0..<64 as Range<UInt64> {
            try [UInt8](repeating: 0x5c, count: 9000).withUnsafeBytes {
                try device.write(at: place * 100_000, from: $0, options: [])
            }
        }
        try device.flush()
        try server.daemon.stop(milliseconds: 60_000)
        try Command.require("qemu-img", ["check", "-q", "-f", "qcow2", server.image])
        let outcome = try Command.require(
            "qemu-io",
            [
                "-r", "-f", "qcow2", "-c", "read -P 0x5c 6300000 9000", "-c",
                "read -P 0 6309000 100", server.image,
            ])
        #expect(!(outcome.stdout + outcome.stderr).contains("failed"), "\(outcome)")
    }

    @Test func `a daemon that dies makes the device gone, at once`() throws {
        let server = try Server(.raw, size: 4 << 20)
        let device = try server.device()
        server.daemon.kill()
        let start = Clock.milliseconds()
        for _ in 0..<3 {
            let error = #expect(throws: BlockError.self) { try device.flush() }
            guard case .gone = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        // It does not wait for the 30 s that an answer may take.
        #expect(Clock.milliseconds() - start < 25_000)
    }

    @Test func `an export that is not there is refused with the server's words`() throws {
        let server = try Server(.raw, size: 4 << 20)
        let error = #expect(throws: NBDError.self) { try server.device { $0.export = "other" } }
        guard case .refused(let words) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(words.contains("other"))
    }
}
