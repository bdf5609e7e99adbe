import Bytes
import NBDWire
import Testing

/// Every decoder, fed with noise and with damaged messages: it throws or it returns, no more.
@Suite struct HostileBytesTests {
    private func feed(_ bytes: [UInt8]) {
        _ = try? NBDGreeting(decoding: bytes)
        _ = try? NBDOptionHeader(decoding: bytes)
        _ = try? NBDOptionReplyHeader(decoding: bytes)
        _ = try? NBDListedExport(decoding: bytes)
        _ = try? NBDBlockStatusPayload(decoding: bytes)
        _ = try? NBDErrorChunk(decoding: bytes, type: .errorOffset)
        // What a decoder takes, the encoder gives back.
        if let value = try? NBDInfoRequest(decoding: bytes) { #expect(value.encoded == bytes) }
        if let value = try? NBDMetaContextRequest(decoding: bytes) {
            #expect(value.encoded == bytes)
        }
        if let value = try? NBDMetaContext(decoding: bytes) { #expect(value.encoded == bytes) }
        for wide in [false, true] {
            guard let value = try? NBDBlockStatus(decoding: bytes, extended: wide) else { continue }
            #expect(value.encoded(extended: wide) == bytes)
        }
        for style in [NBDHeaderStyle.simple, .structured, .extended] {
            let request = bytes.withUnsafeBytes { try? NBDRequest(decoding: $0, style: style) }
            if let request { #expect(encoded(request, style) == bytes) }
            _ = bytes.withUnsafeBytes { try? NBDReplyHeader(decoding: $0, style: style) }
        }
    }

    @Test func `noise of every small length does no harm`() {
        var dice = SeededGenerator(seed: 20_261_122)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<80, using: &dice)
            feed((0..<count).map { _ in UInt8.random(in: 0...255, using: &dice) })
        }
    }

    @Test func `messages with damaged bytes do no harm`() {
        var dice = SeededGenerator(seed: 7)
        let request = NBDRequest(.read, cookie: 1, offset: 2, length: 3)
        let samples = [
            NBDGreeting(flags: .fixedNewstyle).encoded, NBDOptionHeader.encode(.go, data: [1]),
            NBDInfoRequest(name: "disk", infos: [.name, .blockSize]).encoded,
            NBDMetaContextRequest(name: "", queries: ["base:allocation", "x:"]).encoded,
            NBDOptionReplyHeader.encode(.ack, to: .list), encoded(request, .simple),
            encoded(request, .extended),
            NBDBlockStatus(context: 1, descriptors: [NBDDescriptor(length: 1, flags: 0)])
                .encoded(extended: true),
        ]
        for _ in 0..<20_000 {
            guard var bytes = samples.randomElement(using: &dice) else { return }
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let place = Int.random(in: 0..<bytes.count, using: &dice)
                bytes[place] = UInt8.random(in: 0...255, using: &dice)
            }
            feed(bytes)
        }
    }
}
