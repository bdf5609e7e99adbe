import NFSWire
import Testing

@Suite struct NFSRequestTests {
    private func encoded(_ request: NFSRequest) -> [UInt8] {
        var writer = XDRWriter()
        request.encode(into: &writer)
        return writer.bytes
    }

    private let handle = FileHandle([0xaa, 0xbb, 0xcc]) ?? .none

    @Test func `has the bytes of RFC 1813 for a lookup`() {
        #expect(
            encoded(.lookup(handle, name: Array("ab".utf8)))
                == [0, 0, 0, 3, 0xaa, 0xbb, 0xcc, 0, 0, 0, 0, 2, 0x61, 0x62, 0, 0])
    }

    @Test func `ends a write with the data's length`() {
        let bytes = encoded(.write(handle, offset: 1, count: 5, .fileSync))
        #expect(bytes.dropFirst(8) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 5])
    }

    @Test func `sets only what is set`() {
        var change = SetAttributes()
        #expect(change.isEmpty)
        #expect(
            encoded(.setAttributes(handle, change)).dropFirst(8)
                == [UInt8](repeating: 0, count: 28)[...])
        change.size = 9
        change.modified = .clientTime(NFSTime(seconds: 3, nanoseconds: 4))
        change.accessed = .serverTime
        #expect(!change.isEmpty)
        let words: [UInt8] = [0, 0, 0, 1, 0, 9, 1, 2, 3, 4, 0]
        #expect(
            encoded(.setAttributes(handle, change)).dropFirst(8)
                == words.flatMap { [0, 0, 0, $0] }[...])
    }

    @Test func `commits the whole file`() {
        #expect(encoded(.commit(handle)).dropFirst(8) == [UInt8](repeating: 0, count: 12)[...])
    }

    @Test func `numbers its procedures as RFC 1813 does`() {
        let requests: [(NFSRequest, UInt32)] = [
            (.null, 0), (.getAttributes(handle), 1), (.setAttributes(handle, .init()), 2),
            (.lookup(handle, name: []), 3), (.readLink(handle), 5),
            (.read(handle, offset: 0, count: 0), 6),
            (.write(handle, offset: 0, count: 0, .unstable), 7),
            (.create(handle, name: [], .init(), exclusive: true), 8),
            (.makeDirectory(handle, name: [], .init()), 9),
            (.symbolicLink(handle, name: [], .init(), target: []), 10),
            (.makeNode(handle, name: [], .init(), .fifo), 11), (.remove(handle, name: []), 12),
            (.removeDirectory(handle, name: []), 13),
            (.rename(handle, name: [], to: handle, newName: []), 14),
            (.link(handle, directory: handle, name: []), 15),
            (.readDirectory(handle, cookie: 0, verifier: 0, count: 0), 16),
            (.readDirectoryPlus(handle, cookie: 0, verifier: 0, nameBytes: 0, count: 0), 17),
            (.fileSystemStatus(handle), 18), (.fileSystemInfo(handle), 19),
            (.pathConfiguration(handle), 20), (.commit(handle), 21),
        ]
        for (request, number) in requests { #expect(request.procedure == number) }
    }

    @Test func `gives a device node its numbers and a pipe none`() {
        let device = encoded(
            .makeNode(handle, name: [0x78], .init(), .blockDevice(major: 8, minor: 1)))
        #expect(device.suffix(8) == [0, 0, 0, 8, 0, 0, 0, 1])
        #expect(device.count == encoded(.makeNode(handle, name: [0x78], .init(), .fifo)).count + 8)
    }
}
