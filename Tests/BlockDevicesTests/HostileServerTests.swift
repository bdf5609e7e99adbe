import BlockDevice
import BlockDevices
import NBDWire
import Platform
import Synchronization
import Testing

/// What a server can say to a client that trusts it no further than it must.
@Suite struct HostileServerTests {
    private func device(_ server: FakeServer, milliseconds: Int64 = 60_000) throws -> NBDDevice {
        try NBDDevice(
            path: server.path,
            options: .init(
                isWritable: true, timeoutMilliseconds: milliseconds,
                flushTimeoutMilliseconds: milliseconds))
    }

    private func read(_ device: NBDDevice, _ offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xa5, count: count)
        try bytes.withUnsafeMutableBytes { try device.read(at: offset, into: $0) }
        return bytes
    }

    private func expectGone(_ words: String, _ body: () throws -> Void) {
        let error = #expect(throws: BlockError.self) { try body() }
        guard case .gone(let reason) = error, reason.contains(words) else {
            Issue.record("\(String(describing: error)) does not say \(words)")
            return
        }
    }

    @Test(arguments: Breach.allCases)
    func `a reply that breaks the rules ends the device`(breach: Breach) throws {
        let server = try FakeServer { .bytes(breach.reply(to: $0)) }
        let device = try device(server)
        expectGone(breach.words) { _ = try read(device, 8192, 4096) }
        // For good.
        expectGone(breach.words) { try device.flush() }
    }

    @Test func `chunks may come in any order, and what is missing is never old memory`() throws {
        let server = try FakeServer { request in
            let half = [UInt8](repeating: 2, count: 2048)
            let second = FakeServer.data(request, at: request.offset + 2048, half, done: false)
            if request.offset == 0 {
                let first = [UInt8](repeating: 1, count: 2048)
                return .bytes(second + FakeServer.data(request, at: 0, first, done: true))
            }
            // The same half twice: as many bytes as were asked for.
            return .bytes(
                second + FakeServer.data(request, at: request.offset + 2048, half, done: true))
        }
        let device = try device(server)
        let bytes = try read(device, 0, 4096)
        #expect(bytes[..<2048].allSatisfy { $0 == 1 } && bytes[2048...].allSatisfy { $0 == 2 })
        #expect(try read(device, 4096, 4096)[..<2048].allSatisfy { $0 == 0 })
    }

    @Test(
        arguments: [
            (.inputOutput, "medium"), (.noSpace, "noSpace"), (.notPermitted, "readOnly"),
            (.notSupported, "notSupported"), (.invalid, "medium"), (.shutdown, "gone"),
        ] as [(NBDErrorNumber, String)])
    func `an error of a request is told, and the connection goes on`(
        number: NBDErrorNumber, name: String
    ) throws {
        let server = try FakeServer { request in
            guard request.command == .read else {
                return .bytes(FakeServer.chunk(.nothing, request))
            }
            let error = NBDErrorChunk(error: number, message: "by intent")
            return .bytes(FakeServer.chunk(.error, request, error.encoded))
        }
        let device = try device(server)
        let error = #expect(throws: BlockError.self) { _ = try read(device, 0, 512) }
        #expect(error.map(Self.name) == name)
        try device.flush()
    }

    private static func name(_ error: BlockError) -> String {
        switch error {
        case .outOfRange: "outOfRange"
        case .readOnly: "readOnly"
        case .notSupported: "notSupported"
        case .noSpace: "noSpace"
        case .medium: "medium"
        case .gone: "gone"
        }
    }

    @Test func `a silent server is given up in time`() throws {
        let server = try FakeServer { _ in .silence }
        let device = try device(server, milliseconds: 5000)
        let start = Clock.milliseconds()
        expectGone("timed out") { try device.flush() }
        expectGone("timed out") { try device.flush() }
        #expect((4500..<60_000).contains(Clock.milliseconds() - start))
    }

    @Test func `a flush and a forced write may take longer than other requests`() throws {
        let (silence, writer) = try Descriptors.pipe()
        let server = try FakeServer(flags: .sendFUA) { request in
            // Longer than the second after which a call looks at the time.
            _ = try? Descriptors.waitReadable(silence.raw, milliseconds: 2500)
            return .bytes(FakeServer.chunk(.nothing, request))
        }
        let device = try NBDDevice(
            path: server.path,
            options: .init(
                isWritable: true, timeoutMilliseconds: 300, flushTimeoutMilliseconds: 20_000))
        try device.flush()
        let block = [UInt8](repeating: 1, count: 512)
        try block.withUnsafeBytes {
            try device.write(at: 0, from: $0, options: .forceUnitAccess)
        }
        expectGone("timed out") {
            try block.withUnsafeBytes { try device.write(at: 0, from: $0, options: []) }
        }
        withExtendedLifetime(writer) {}
    }

    @Test func `zeros are asked for in pieces that a slow server can write in time`() throws {
        let lengths = Mutex<[UInt64]>([])
        let server = try FakeServer(size: 1 << 30, flags: .sendWriteZeroes) { request in
            lengths.withLock { $0.append(request.length) }
            return .bytes(FakeServer.chunk(.nothing, request))
        }
        let device = try device(server)
        try device.writeZeroes(BlockRange(offset: 0, length: 200 << 20), options: [])
        #expect(lengths.withLock { $0.map { $0 >> 20 } } == [64, 64, 64, 8])
    }

    @Test func `a server that ends the connection makes the device gone`() throws {
        let server = try FakeServer { _ in .end }
        let device = try device(server)
        expectGone("reset") { try device.flush() }
    }

    @Test func `a server that says nothing or nonsense is no server`() throws {
        let mute = try FakeServer(greeting: nil) { _ in .silence }
        let start = Clock.milliseconds()
        #expect(throws: NBDError.self) { try device(mute, milliseconds: 300) }
        #expect(Clock.milliseconds() - start < 60_000)
        let strange = try FakeServer(greeting: [UInt8](repeating: 0x20, count: 18)) { _ in .end }
        #expect(throws: NBDError.self) { try device(strange) }
        #expect(throws: NBDError.self) {
            try NBDDevice(path: "/nonexistent/socket", options: .init(isWritable: false))
        }
    }

    @Test func `a status is cut to what was asked for`() throws {
        let server = try FakeServer { request in
            let status = NBDBlockStatus(
                context: 7,
                descriptors: [
                    NBDDescriptor(length: 1000, flags: 3), NBDDescriptor(length: 1 << 30, flags: 0),
                    NBDDescriptor(length: 5, flags: 3),
                ])
            return .bytes(
                FakeServer.chunk(.blockStatus, request, status.encoded(extended: false)))
        }
        let device = try device(server)
        #expect(
            try device.extents(in: BlockRange(offset: 512, length: 4096), limit: 8) == [
                .hole(1000), .data(3096),
            ])
    }

    @Test func `a server with large blocks gets whole ones`() throws {
        let disk = Mutex([UInt8](repeating: 9, count: 1 << 20))
        let requests = Mutex<[NBDRequest]>([])
        let sizes = NBDBlockSizes(minimum: 4096, preferred: 4096, maximum: 1 << 20)
        let server = try FakeServer(sizes: sizes, flags: .sendWriteZeroes) { request in
            requests.withLock { $0.append(request) }
            let range = Int(request.offset)..<Int(request.offset + request.length)
            guard request.command == .read else {
                if request.command == .writeZeroes {
                    disk.withLock {
                        $0.replaceSubrange(range, with: repeatElement(0, count: range.count))
                    }
                }
                return .bytes(FakeServer.chunk(.nothing, request))
            }
            return .bytes(
                FakeServer.data(
                    request, at: request.offset, disk.withLock { Array($0[range]) }, done: true))
        }
        let device = try device(server)
        #expect(device.properties.logicalBlockSize == 4096)
        #expect(try read(device, 5000, 10) == [UInt8](repeating: 9, count: 10))
        try device.writeZeroes(BlockRange(offset: 5000, length: 20_000), options: [])
        try [UInt8](repeating: 1, count: 3).withUnsafeBytes {
            try device.write(at: 4095, from: $0, options: [])
        }
        try device.trim(BlockRange(offset: 100, length: 3000), options: [])
        let seen = requests.withLock { $0 }
        #expect(seen.allSatisfy { ($0.offset | $0.length) % 4096 == 0 })
        let changes = seen.filter { $0.command != .read }
        #expect(
            changes.map { "\($0.command.rawValue) \($0.offset)+\($0.length)" } == [
                "6 8192+16384", "1 4096+4096", "1 24576+4096", "1 0+8192",
            ])
    }
}

/// A reply to a read of 4096 bytes that no server may give.
enum Breach: CaseIterable, Sendable {
    case otherRequest, dataBehind, dataBefore, dataTooLong, dataMissing, nothingAtAll, dataEmpty
    case badMagic, errorTooLong, unknownChunk, shortHole, endlessChunks

    /// What the error says about it.
    var words: String {
        switch self {
        case .otherRequest: "another request"
        case .dataBehind, .dataBefore, .dataTooLong: "outside"
        case .dataMissing, .nothingAtAll: "less than"
        case .dataEmpty: "without data"
        case .badMagic: "reply magic"
        case .errorTooLong: "too long"
        case .unknownChunk: "type 99"
        case .shortHole: "hole's length"
        case .endlessChunks: "endless"
        }
    }

    func reply(to request: NBDRequest) -> [UInt8] {
        let start = request.offset
        switch self {
        case .otherRequest:
            var other = request
            other.cookie += 1
            return FakeServer.chunk(.nothing, other)
        case .dataBehind: return FakeServer.data(request, at: start + 4095, [1, 2], done: true)
        case .dataBefore: return FakeServer.data(request, at: 0, [1], done: true)
        case .dataTooLong:
            let bytes = [UInt8](repeating: 1, count: 4097)
            return FakeServer.data(request, at: start, bytes, done: true)
        case .dataMissing: return FakeServer.data(request, at: start, [1, 2], done: true)
        case .nothingAtAll: return FakeServer.chunk(.nothing, request)
        case .dataEmpty:
            return FakeServer.chunk(.offsetData, request, [UInt8](repeating: 0, count: 8))
        case .badMagic: return [UInt8](repeating: 0x41, count: 64)
        case .errorTooLong: return FakeServer.chunk(.error, request, length: 1 << 30)
        case .unknownChunk: return FakeServer.chunk(NBDChunkType(rawValue: 99), request, [1])
        case .shortHole: return FakeServer.chunk(.offsetHole, request, [1])
        case .endlessChunks:
            return (0..<1000).flatMap { _ in
                FakeServer.chunk(.nothing, request, done: false)
            }
        }
    }
}
