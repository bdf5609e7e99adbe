import AoEWire
import BlockDevice
import Platform

/// Answers to disk commands that go out together; nothing is allocated for one.
///
/// One thread. Bodies must stay until `send`.
struct AoEReplies: ~Copyable {
    private let core: AoECore
    private let heads: UnsafeMutableRawBufferPointer
    private var queue = FrameQueue()

    /// Bytes for a head; no less than the shortest frame.
    private static let headRoom = 64
    private static let headSize = AoEHeader.size + ATARegisters.size

    init(_ core: AoECore) {
        self.core = core
        heads = .allocate(byteCount: Self.headRoom * PacketSocket.batch, alignment: 64)
        heads.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { heads.deallocate() }

    /// Adds an answer, with the data that was read.
    mutating func add(
        _ request: AoERequest, _ registers: ATARegisters, body: UnsafeRawBufferPointer? = nil
    ) {
        if queue.isFull { send() }
        let start = queue.count * Self.headRoom
        let head = UnsafeMutableRawBufferPointer(
            rebasing: heads[start..<start + AoEProtocol.shortestFrame])
        let configuration = core.configuration
        request.header.answer(from: configuration.address, at: configuration.mac)
            .encode(into: head)
        registers.encode(
            into: UnsafeMutableRawBufferPointer(rebasing: head[AoEHeader.size...]))
        if let body {
            queue.add(
                head: UnsafeRawBufferPointer(rebasing: head[..<Self.headSize]), body: body)
        } else {
            // Padded with the zeros that are there.
            queue.add(
                head: UnsafeRawBufferPointer(head),
                body: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Sends everything.
    mutating func send() {
        guard queue.count > 0 else { return }
        core.note(queue.send(core.socket.raw))
    }
}

extension AoERequest {
    /// The registers that tell of a device's error.
    func failed(_ error: BlockError) -> ATARegisters {
        let isRead = work == .read || work == .verify
        return switch error {
        case .outOfRange: registers.failed(.notFound)
        case .readOnly: registers.failed([.aborted, .writeProtected])
        case .medium where isRead: registers.failed(.uncorrectable)
        case .medium, .noSpace, .gone, .notSupported:
            registers.failed(.aborted, status: .fault)
        }
    }
}

extension [AoERequest] {
    /// Where the run ends that begins at a place: requests that follow each other on the disk,
    /// of at most so many bytes together.
    func endOfRun(from first: Int, limit: Int) -> Int {
        var end = first + 1
        var bytes = self[first].length
        while end < count, self[end - 1].isFollowed(by: self[end]),
            bytes + self[end].length <= limit
        {
            bytes += self[end].length
            end += 1
        }
        return end
    }
}
