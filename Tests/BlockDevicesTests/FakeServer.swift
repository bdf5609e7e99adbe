import Bytes
import NBDWire
import FileSystemLab
import Platform

/// A server that says what a test wants it to say.
final class FakeServer: Sendable {
    /// What comes back for a request: bytes, nothing at all, or the end of the connection.
    enum Answer: Sendable {
        case bytes([UInt8])
        case silence
        case end
    }

    let path: String
    private let folder: Scratch
    private let listener: OwnedFD

    /// Serves an export, one thread a connection.
    ///
    /// `greeting` is said instead of the usual one; nil for silence from the start.
    init(
        greeting: [UInt8]? = NBDGreeting(flags: [.fixedNewstyle, .noZeroes]).encoded,
        size: UInt64 = 1 << 20, sizes: NBDBlockSizes = .usual, flags: NBDTransmissionFlags = [],
        answer: @escaping @Sendable (NBDRequest) -> Answer
    ) throws {
        folder = try Scratch()
        path = "\(folder.path)/socket"
        let listener = try UnixSocket.listen(at: path)
        self.listener = listener
        let export = NBDExportInfo(
            size: size, flags: flags.union([.hasFlags, .sendFlush, .sendTrim]))
        // Not a queue's threads: those that wait would keep others from being served.
        try WorkerThread.start {
            // The listener's end is the end of this loop.
            while let socket = try? UnixSocket.accept(listener) {
                try? WorkerThread.start {
                    try? Self.serve(socket, greeting, export, sizes, answer)
                }
            }
        }
    }

    deinit { StreamIO.end(listener) }

    private static func take(_ socket: OwnedFD, _ count: Int) throws -> [UInt8] {
        try Descriptors.readExactly(
            socket.raw, count: count, deadlineMilliseconds: Clock.milliseconds() + 120_000)
    }

    private static func serve(
        _ socket: OwnedFD, _ greeting: [UInt8]?, _ export: NBDExportInfo, _ sizes: NBDBlockSizes,
        _ answer: (NBDRequest) -> Answer
    ) throws {
        func say(_ bytes: [UInt8]) throws { try Descriptors.send(bytes, over: socket.raw) }
        guard let greeting else {
            _ = try take(socket, 1)
            return
        }
        try say(greeting)
        _ = try take(socket, NBDClientFlags.size)
        while true {
            let header = try NBDOptionHeader(decoding: try take(socket, NBDOptionHeader.size))
            _ = try take(socket, Int(header.length))
            switch header.option {
            case .setMetaContext:
                let context = NBDMetaContext(id: 7, name: NBDAllocation.context)
                try say(
                    NBDOptionReplyHeader.encode(
                        .metaContext, to: header.option, data: context.encoded))
            case .go:
                for info in [NBDInfo.export(export), .blockSize(sizes)] {
                    try say(
                        NBDOptionReplyHeader.encode(
                            .info, to: header.option, data: info.encoded))
                }
            default: break
            }
            try say(NBDOptionReplyHeader.encode(.ack, to: header.option))
            if header.option == .go { break }
        }
        while true {
            let bytes = try take(socket, NBDHeaderStyle.structured.requestSize)
            let request = try bytes.withUnsafeBytes {
                try NBDRequest(decoding: $0, style: .structured)
            }
            _ = try take(socket, Int(request.payloadLength(.structured)))
            if request.command == .disconnect { return }
            switch answer(request) {
            case .bytes(let bytes): try say(bytes)
            case .silence: continue
            case .end: return
            }
        }
    }

    /// A chunk of a structured reply.
    static func chunk(
        _ type: NBDChunkType, _ request: NBDRequest, _ payload: [UInt8] = [], done: Bool = true,
        length: UInt32? = nil
    ) -> [UInt8] {
        let header = NBDChunkHeader(
            type, cookie: request.cookie, offset: request.offset,
            length: length ?? UInt32(payload.count), flags: done ? .done : [])
        var bytes = [UInt8](repeating: 0, count: NBDHeaderStyle.structured.chunkSize)
        bytes.withUnsafeMutableBytes { header.encode(.structured, into: $0) }
        return bytes + payload
    }

    /// A chunk with data.
    static func data(
        _ request: NBDRequest, at offset: UInt64, _ bytes: [UInt8], done: Bool
    ) -> [UInt8] {
        var writer = ByteWriter()
        writer.writeBigEndian(offset)
        writer.writeRaw(bytes)
        return chunk(.offsetData, request, writer.bytes, done: done)
    }
}
