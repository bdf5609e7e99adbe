import ISCSIWire
import NIOCore
import Testing

@testable import ISCSITarget

@Suite struct FramerTests {
    /// Everything that a framer makes of some bytes that come in these parts.
    static func frames(
        _ parts: [[UInt8]], header: Bool = false, data: Bool = false
    ) throws -> [(opcode: UInt8, data: [UInt8], isIntact: Bool)] {
        var framer = Framer()
        (framer.headerDigest, framer.dataDigest) = (header, data)
        var frames: [(opcode: UInt8, data: [UInt8], isIntact: Bool)] = []
        var current: (UInt8, [UInt8]) = (0, [])
        for part in parts {
            var input = ByteBuffer(bytes: part)
            reading: while true {
                switch try framer.step(&input) {
                case .needMore: break reading
                case .begin(let header, let additional):
                    #expect(additional.count == header.additionalLength)
                    current = (header.opcode, [])
                case .piece(let piece, let offset):
                    #expect(offset == current.1.count)
                    current.1 += Array(piece.readableBytesView)
                case .end(let isIntact): frames.append((current.0, current.1, isIntact))
                }
            }
            #expect(input.readableBytes == 0)
        }
        #expect(!framer.isWithinPDU)
        return frames
    }

    static func stream(header: Bool, data: Bool) throws -> [UInt8] {
        var queue = ReplyQueue(allocator: ByteBufferAllocator())
        (queue.headerDigest, queue.dataDigest) = (header, data)
        queue.append(BasicHeader(opcode: 0x01))
        queue.append(BasicHeader(opcode: 0x02), bytes: [1, 2, 3, 4, 5])
        queue.append(BasicHeader(opcode: 0x03), slice: ByteBuffer(bytes: [9, 8, 7]))
        queue.append(BasicHeader(opcode: 0x04), bytes: [1, 2, 3, 4])
        return queue.take().flatMap { Array($0.readableBytesView) }
    }

    @Test(arguments: [(false, false), (true, false), (false, true), (true, true)])
    func `what is queued comes out again, however it is cut`(_ digests: (Bool, Bool)) throws {
        let bytes = try Self.stream(header: digests.0, data: digests.1)
        for cut in [1, 2, 3, 5, 7, 47, 48, 49, 53, bytes.count] {
            let parts = stride(from: 0, to: bytes.count, by: cut).map {
                Array(bytes[$0..<min($0 + cut, bytes.count)])
            }
            let frames = try Self.frames(parts, header: digests.0, data: digests.1)
            #expect(frames.map(\.opcode) == [1, 2, 3, 4])
            #expect(frames.map(\.data) == [[], [1, 2, 3, 4, 5], [9, 8, 7], [1, 2, 3, 4]])
            #expect(frames.map(\.isIntact) == [true, true, true, true])
        }
    }

    @Test func `a data digest that is wrong is told, a header digest ends everything`() throws {
        var bytes = try Self.stream(header: true, data: true)
        // The last byte is the data digest of the last PDU.
        bytes[bytes.count - 1] ^= 1
        let frames = try Self.frames([bytes], header: true, data: true)
        #expect(frames.map(\.isIntact) == [true, true, true, false])
        bytes[1] ^= 1
        #expect(throws: FramingError.headerDigest) {
            try Self.frames([bytes], header: true, data: true)
        }
    }

    @Test func `more data than agreed ends everything`() {
        var header = BasicHeader(opcode: 0x00)
        header.dataLength = 8193
        #expect(throws: FramingError.dataTooLong(8193, limit: 8192)) {
            try Self.frames([header.bytes])
        }
    }

    @Test func `additional headers are part of the header`() throws {
        var header = BasicHeader(opcode: 0x01)
        header.words[1] = 2 << 24
        let frames = try Self.frames([header.bytes + [0, 5, 2, 0, 0, 0, 2, 0]])
        #expect(frames.count == 1)
    }
}
