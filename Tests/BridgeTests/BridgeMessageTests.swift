import Bytes
import Testing

@testable import Bridge

@Suite struct BridgeMessageTests {
    private static let export = BridgeExport(
        id: 3, name: "vol 1", rootHandle: [1, 0, 1, 0, 6, 0, 0, 0], readOnly: true)
    private static let options = BridgeOptions(
        user: 1000, group: 100, faithful: true, readOnly: false, requestTimeoutMilliseconds: 7)

    static let messages: [BridgeMessage] = [
        .serve([export, export], options), .serve([], options), .guestGone(reason: "it is dead"),
        .forward(ports: [10_809]), .forward(ports: [1, 65_535, 3260]),
        .forward(ports: Array(1...16)), .failed(BridgeError(.forward, "no")),
        .drain, .tellStatistics, .link, .guest, .serving, .drained(BridgeStatistics()),
        .statistics(BridgeStatistics()), .unmounted, .guestLost(reason: "kernel panic"),
        .failed(BridgeError(.serve, errno: 5, "no", remedy: "try")),
    ]

    @Test(arguments: messages)
    func `round-trips`(message: BridgeMessage) throws {
        #expect(try BridgeMessage(message.encoded) == message)
    }

    @Test func `carries every figure`() throws {
        var statistics = BridgeStatistics()
        statistics.bytesRead = 1
        statistics.bytesWritten = 2
        statistics.calls = 3
        statistics.requests = 4
        statistics.uncommittedBytes = 5
        statistics.lostFiles = 6
        statistics.knownFiles = 7
        #expect(
            try BridgeMessage(BridgeMessage.drained(statistics).encoded) == .drained(statistics))
    }

    @Test(arguments: messages)
    func `rejects a message that is cut short or too long`(message: BridgeMessage) {
        let bytes = message.encoded
        for count in 0..<bytes.count {
            #expect(throws: BytesError.self) { try BridgeMessage(Array(bytes[..<count])) }
        }
        #expect(throws: BytesError.trailing(count: 1)) { try BridgeMessage(bytes + [0]) }
    }

    @Test func `rejects unknown kinds and steps, and exports without end`() {
        #expect(throws: BytesError.self) { try BridgeMessage([99]) }
        #expect(throws: BytesError.self) {
            try BridgeMessage([40, 200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        }
        var bytes = BridgeMessage.serve([], Self.options).encoded
        bytes.replaceSubrange((bytes.count - 4)..., with: [0xff, 0xff, 0xff, 0x7f])
        #expect(throws: BytesError.self) { try BridgeMessage(bytes) }
    }

    @Test(
        arguments: [
            [0, 0, 0, 0], [17, 0, 0, 0] + [UInt8](repeating: 1, count: 34), [255, 255, 255, 255],
            [1, 0, 0, 0, 0, 0], [2, 0, 0, 0, 1, 0, 0, 0],
        ] as [[UInt8]])
    func `rejects no ports, too many, and port 0`(ports: [UInt8]) {
        let kind = BridgeMessage.forward(ports: [1]).encoded[0]
        #expect { try BridgeMessage([kind] + ports) } throws: { error in
            switch error as? BytesError {
            case .invalid?, .tooLong?: true
            default: false
            }
        }
    }

    @Test func `shortens a reason that would not fit`() throws {
        let message = BridgeMessage.guestGone(reason: String(repeating: "x", count: 100_000))
        #expect(message.encoded.count < BridgeMessage.limit)
        #expect(throws: Never.self) { try BridgeMessage(message.encoded) }
    }
}
