import BlockDevice
import NBDWire
import NIOCore

/// A request that runs on the thread pool; made once and used again.
///
/// Thread-safe by hand-over: the connection's event loop fills it and passes it on under the
/// queue's lock, one worker thread runs it and passes it back under the connection's lock.
final class NBDJob: @unchecked Sendable {
    var request = NBDRequest(.flush, cookie: 0)
    /// Where the job goes when it is done.
    var connection: NBDConnection?
    /// What the connection negotiated.
    var style = NBDHeaderStyle.simple
    /// A write's payload, or a block status request's.
    var payload: AlignedBuffer?
    /// Bytes of the payload that have arrived.
    var filled = 0
    /// A read's reply: room for its header, then the data.
    var reply: ByteBuffer?
    /// Bytes that were charged for it.
    var charged = 0
    var error = NBDErrorNumber.success
    var message = ""
    var extents: [BlockExtent] = []

    /// Makes the job ready for another request.
    func reset() {
        connection = nil
        payload = nil
        filled = 0
        reply = nil
        charged = 0
        error = .success
        message = ""
        extents = []
    }

    /// Whether it is a plain read or write, which memory may answer.
    var isQuick: Bool {
        (request.command == .read || request.command == .write) && !request.flags.contains(.fua)
    }

    /// The payload's bytes that have arrived.
    var payloadBytes: UnsafeRawBufferPointer {
        guard let payload else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: payload.memory[..<filled])
    }

    /// Does the request on the device; blocks.
    func run(on device: any BlockDevice) {
        do {
            try perform(device)
        } catch {
            let told = NBDErrorNumber(error, of: request.command)
            (self.error, message) = (told, error.cause)
        }
    }

    private func perform(_ device: any BlockDevice) throws(BlockError) {
        let options: BlockWriteOptions = request.flags.contains(.fua) ? .forceUnitAccess : []
        switch request.command {
        case .read: try read(device)
        case .write: try device.write(at: request.offset, from: payloadBytes, options: options)
        case .flush: try device.flush()
        case .trim:
            try pieces { piece throws(BlockError) in try device.trim(piece, options: options) }
        case .cache: try cache(device)
        case .writeZeroes: try writeZeroes(device, options)
        case .blockStatus: try blockStatus(device)
        default: break
        }
    }

    private func read(_ device: any BlockDevice) throws(BlockError) {
        guard var buffer = reply else { return }
        // The buffer must have one owner, or writing into it copies it.
        reply = nil
        defer { reply = buffer }
        var failure: BlockError?
        let offset = request.offset
        let count = Int(request.length)
        buffer.writeReply(to: request, style) { data in
            do throws(BlockError) {
                try device.read(at: offset, into: data)
                return true
            } catch {
                failure = error
                return false
            }
        }
        precondition(failure != nil || buffer.readableBytes >= count, "a reply without its data")
        if let failure { throw failure }
    }

    private func writeZeroes(
        _ device: any BlockDevice, _ options: BlockWriteOptions
    ) throws(BlockError) {
        var options = options
        if !request.flags.contains(.noHole) { options.insert(.mayTrim) }
        guard !request.flags.contains(.fastZero) else {
            // In one piece, so that nothing has changed where it is refused.
            let range = BlockRange(offset: request.offset, length: request.length)
            return try device.writeZeroes(range, options: options.union(.onlyIfFast))
        }
        let final = options
        try pieces { piece throws(BlockError) in try device.writeZeroes(piece, options: final) }
    }

    /// Longest range that a device is asked to change in one call, in bytes.
    private static let piece: UInt64 = 1 << 30

    /// Calls `body` for the range's pieces, and stops where nobody waits for the rest.
    private func pieces(_ body: (BlockRange) throws(BlockError) -> Void) throws(BlockError) {
        var offset = request.offset
        let end = offset + request.length
        repeat {
            let next = min(end, (offset / Self.piece + 1) * Self.piece)
            try body(BlockRange(offset: offset, length: next - offset))
            offset = next
            if offset < end, connection?.isGone ?? true { throw .gone("the client left") }
        } while offset < end
    }

    /// Most bytes that one NBD_CMD_CACHE reads ahead.
    private static let cacheLimit: UInt64 = 32 << 20

    /// Reads the range once, so that what caches below the device holds it.
    private func cache(_ device: any BlockDevice) throws(BlockError) {
        let scratch = AlignedBuffer(1 << 20)
        var offset = request.offset
        let end = offset + min(request.length, Self.cacheLimit)
        while offset < end {
            let count = Int(min(end - offset, UInt64(scratch.memory.count)))
            let part = UnsafeMutableRawBufferPointer(rebasing: scratch.memory[..<count])
            try device.read(at: offset, into: part)
            offset += UInt64(count)
        }
    }

    /// Most extents in one reply.
    static let extentLimit = 16_384

    private func blockStatus(_ device: any BlockDevice) throws(BlockError) {
        let range = BlockRange(offset: request.offset, length: request.length)
        let limit = request.flags.contains(.requestOne) ? 1 : Self.extentLimit
        extents = try device.extents(in: range, limit: limit)
    }
}
