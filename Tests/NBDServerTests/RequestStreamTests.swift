import Bytes
import NBDWire
import Testing

@testable import NBDServer

@Suite struct RequestStreamTests {
    /// What came out of a stream, payloads put together again.
    private enum Heard: Equatable {
        case request(NBDRequest, [UInt8])
        case refused(NBDRequest, NBDErrorNumber)
        case disconnect
        case violation
    }

    private struct Listener {
        var stream: RequestStream
        var heard: [Heard] = []
        private var current: (NBDRequest, [UInt8])?

        init(_ session: NBDSession) { stream = RequestStream(session) }

        mutating func feed(_ bytes: some Sequence<UInt8>) {
            let bytes = Array(bytes)
            bytes.withUnsafeBytes { all in
                var rest = all
                while let event = stream.next(&rest) { hear(event) }
            }
        }

        private mutating func hear(_ event: RequestStream.Event) {
            switch event {
            case .request(let request):
                guard stream.payloadLeft > 0 else { return heard.append(.request(request, [])) }
                current = (request, [])
            case .payload(let piece, let isLast):
                current?.1 += piece
                guard isLast, let whole = current else { return }
                heard.append(.request(whole.0, whole.1))
                current = nil
            case .refused(let request, let error, _): heard.append(.refused(request, error))
            case .disconnect: heard.append(.disconnect)
            case .violation: heard.append(.violation)
            }
        }
    }

    private func bytes(
        _ request: NBDRequest, _ style: NBDHeaderStyle, payload: [UInt8] = []
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: style.requestSize)
        header.withUnsafeMutableBytes { request.encode(style, into: $0) }
        return header + payload
    }

    /// Requests of every kind: done, refused with and without payload, and the end.
    private func conversation(_ style: NBDHeaderStyle) -> ([UInt8], [Heard]) {
        let flag: NBDCommandFlags = style == .extended ? .payloadLength : []
        let data = (0..<600).map { UInt8(truncatingIfNeeded: $0) }
        let read = NBDRequest(.read, cookie: 1, offset: 512, length: 512)
        let write = NBDRequest(.write, cookie: 2, offset: 0, length: 600, flags: flag)
        let outside = NBDRequest(.write, cookie: 3, offset: 1 << 20, length: 600, flags: flag)
        let strange = NBDRequest(NBDCommand(rawValue: 99), cookie: 4)
        let flush = NBDRequest(.flush, cookie: 5)
        let end = NBDRequest(.disconnect, cookie: 6)
        let all =
            bytes(read, style) + bytes(write, style, payload: data)
            + bytes(outside, style, payload: data) + bytes(strange, style) + bytes(flush, style)
            + bytes(end, style) + bytes(read, style)
        let heard: [Heard] = [
            .request(read, []), .request(write, data), .refused(outside, .noSpace),
            .refused(strange, .invalid), .request(flush, []), .disconnect,
        ]
        return (all, heard)
    }

    @Test func `requests and payloads are cut apart`() {
        for style in [NBDHeaderStyle.simple, .structured, .extended] {
            let (all, heard) = conversation(style)
            var listener = Listener(session(style))
            listener.feed(all)
            #expect(listener.heard == heard)
        }
    }

    @Test func `a cut at every byte changes nothing`() {
        for style in [NBDHeaderStyle.simple, .extended] {
            let (all, heard) = conversation(style)
            for cut in 1..<all.count {
                var listener = Listener(session(style))
                listener.feed(all[..<cut])
                listener.feed(all[cut...])
                #expect(listener.heard == heard, "cut at \(cut)")
            }
            var listener = Listener(session(style))
            for byte in all { listener.feed([byte]) }
            #expect(listener.heard == heard)
        }
    }

    @Test func `bytes that went another way are not waited for`() {
        let write = NBDRequest(.write, cookie: 2, offset: 0, length: 600)
        let flush = NBDRequest(.flush, cookie: 5)
        var listener = Listener(session())
        listener.feed(bytes(write, .simple, payload: [UInt8](repeating: 1, count: 100)))
        #expect(listener.stream.payloadLeft == 500 && listener.stream.isMidRequest)
        listener.stream.took(400)
        listener.stream.took(100)
        #expect(!listener.stream.isMidRequest)
        listener.feed(bytes(flush, .simple))
        #expect(listener.heard == [.request(flush, [])])
    }

    @Test func `a request without its magic number ends the stream`() {
        var listener = Listener(session())
        listener.feed(bytes(NBDRequest(.flush, cookie: 1), .extended))
        #expect(listener.heard == [.violation])
        listener.feed(bytes(NBDRequest(.flush, cookie: 1), .simple))
        #expect(listener.heard == [.violation] && !listener.stream.isMidRequest)
    }

    @Test func `half a request is known to be one`() {
        var listener = Listener(session())
        #expect(!listener.stream.isMidRequest)
        listener.feed([0x25])
        #expect(listener.stream.isMidRequest && listener.heard.isEmpty)
    }

    @Test func `noise never does more than end the stream`() {
        var dice = SeededGenerator(seed: 3)
        for round in 0..<3000 {
            let style: NBDHeaderStyle = round % 2 == 0 ? .structured : .extended
            var listener = Listener(session(style, context: true))
            for _ in 0..<6 {
                let request = NBDRequest(
                    NBDCommand(rawValue: UInt16.random(in: 0...9, using: &dice)), cookie: 1,
                    offset: UInt64.random(in: 0...4096, using: &dice),
                    length: UInt64.random(in: 0...4096, using: &dice),
                    flags: NBDCommandFlags(rawValue: UInt16.random(in: 0...63, using: &dice)))
                listener.feed(bytes(request, style))
                let count = Int.random(in: 0..<200, using: &dice)
                listener.feed((0..<count).map { _ in UInt8.random(in: 0...255, using: &dice) })
            }
            #expect(listener.heard.count < 2000)
        }
    }
}
