import BlockDevice
import FileSystemLab
import NBDWire
import Testing

@testable import NBDServer

/// Extended headers over a real socket; no client of Debian 12 speaks them.
@Suite(.serialized) struct ExtendedHeaderTests {
    /// Negotiates extended headers and the context, and starts.
    private func start(_ client: RawClient) throws {
        let query = NBDMetaContextRequest(name: "disk", queries: [NBDAllocation.context])
        try client.send(NBDClientFlags.all.encoded)
        let options: [(NBDOption, [UInt8])] = [
            (.extendedHeaders, []), (.setMetaContext, query.encoded),
            (.go, NBDInfoRequest(name: "disk").encoded),
        ]
        for (option, data) in options {
            try client.send(NBDOptionHeader.encode(option, data: data))
            var type = NBDOptionReplyType.info
            while type != .ack {
                let header = try NBDOptionReplyHeader(decoding: try client.read(20))
                _ = try client.read(Int(header.length))
                try #require(!header.type.isError)
                type = header.type
            }
        }
    }

    private func ask(
        _ client: RawClient, _ request: NBDRequest, payload: [UInt8] = []
    ) throws -> (NBDChunkHeader, [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeMutableBytes { request.encode(.extended, into: $0) }
        try client.send(bytes + payload)
        let header = try client.read(32).withUnsafeBytes { bytes in
            try NBDReplyHeader(decoding: bytes, style: .extended)
        }
        guard case .chunk(let chunk) = header else { throw LabError("no chunk") }
        #expect(chunk.cookie == request.cookie && chunk.offset == request.offset)
        #expect(chunk.flags == .done)
        return (chunk, try client.read(Int(chunk.length)))
    }

    @Test func `every reply is an extended chunk that repeats the offset`() throws {
        let disk = TestDisk(capabilities: [.write, .trim, .extents, .immediateReads])
        let client = try RawClient(try Served(disk))
        try start(client)
        let write = NBDRequest(
            .write, cookie: 1, offset: 4096, length: 4, flags: .payloadLength)
        #expect(try ask(client, write, payload: [1, 2, 3, 4]).0.type == .nothing)
        let read = NBDRequest(.read, cookie: 2, offset: 4095, length: 6)
        let (chunk, data) = try ask(client, read)
        #expect(chunk.type == .offsetData)
        #expect(data == [0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0, 1, 2, 3, 4, 0])
        #expect(try ask(client, NBDRequest(.flush, cookie: 3)).0.type == .nothing)
        let zeroes = NBDRequest(.writeZeroes, cookie: 4, offset: 0, length: 1 << 20)
        #expect(try ask(client, zeroes).0.type == .nothing)
        let outside = NBDRequest(.trim, cookie: 5, offset: 1, length: 1 << 40)
        let (error, payload) = try ask(client, outside)
        #expect(error.type == .error)
        #expect(try NBDErrorChunk(decoding: payload, type: .error).error == .invalid)
        #expect(disk.bytes.allSatisfy { $0 == 0 })
    }

    @Test func `a block status has wide extents, and may name its contexts`() throws {
        let client = try RawClient(try Served(TestDisk()))
        try start(client)
        let whole = NBDRequest(.blockStatus, cookie: 1, offset: 0, length: 1 << 20)
        let (chunk, payload) = try ask(client, whole)
        #expect(chunk.type == .blockStatusExtended)
        let status = try NBDBlockStatus(decoding: payload, extended: true)
        #expect(status.descriptors == [NBDDescriptor(length: 1 << 20, flags: 3)])
        for (contexts, type) in [
            ([status.context], NBDChunkType.blockStatusExtended), ([9], .error), ([], .error),
            ([status.context, status.context], .error),
        ] {
            let wanted = NBDBlockStatusPayload(effectLength: 8192, contexts: contexts).encoded
            let request = NBDRequest(
                .blockStatus, cookie: 2, offset: 4096, length: UInt64(wanted.count),
                flags: .payloadLength)
            #expect(try ask(client, request, payload: wanted).0.type == type)
        }
    }

    @Test func `a payload that the command does not take is passed over`() throws {
        let client = try RawClient(try Served(TestDisk()))
        try start(client)
        let read = NBDRequest(.read, cookie: 1, offset: 0, length: 5000, flags: .payloadLength)
        let noise = [UInt8](repeating: 0xee, count: 5000)
        #expect(try ask(client, read, payload: noise).0.type == .error)
        #expect(try ask(client, NBDRequest(.flush, cookie: 2)).0.type == .nothing)
    }
}
