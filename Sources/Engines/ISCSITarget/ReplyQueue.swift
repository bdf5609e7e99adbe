import ISCSIWire
import NIOCore
import Platform

/// PDUs that wait to be sent: small ones are gathered, large data is passed on as it is.
///
/// The gathering buffer is used again as soon as the channel lets go of it.
struct ReplyQueue {
    var headerDigest = false
    var dataDigest = false
    /// Bytes that were queued since the last `take`.
    private(set) var byteCount = 0
    private var gather: ByteBuffer
    private var isGatherTaken = false
    private var ready: [ByteBuffer] = []
    /// Memory for `ready`, from earlier.
    private var spare: [ByteBuffer] = []

    /// Room that the gathering buffer begins with.
    private static let capacity = 16 << 10

    init(allocator: ByteBufferAllocator) {
        gather = allocator.buffer(capacity: 0)
    }

    private var headerLength: Int {
        ISCSIWire.headerLength + (headerDigest ? ISCSIWire.digestLength : 0)
    }

    /// Queues a PDU without data.
    mutating func append(_ header: BasicHeader) {
        place(header, count: 0) { _ in }
    }

    /// Queues a PDU with a copy of its data.
    mutating func append(_ header: BasicHeader, data: UnsafeRawBufferPointer) {
        var header = header
        header.dataLength = data.count
        place(header, count: data.count) { $0.copyMemory(from: data) }
    }

    /// Queues a PDU with a copy of its data.
    mutating func append(_ header: BasicHeader, bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(header, data: $0) }
    }

    /// Queues a PDU with its data, which is not copied.
    mutating func append(_ header: BasicHeader, slice: ByteBuffer) {
        var header = header
        header.dataLength = slice.readableBytes
        place(header, count: 0) { _ in }
        ready.append(gather)
        isGatherTaken = true
        ready.append(slice)
        byteCount += slice.readableBytes
        let padding = ISCSIWire.padded(slice.readableBytes) - slice.readableBytes
        guard padding > 0 || dataDigest else { return }
        var crc: UInt32 = 0
        if dataDigest { crc = slice.withUnsafeReadableBytes { Checksum.crc32c($0) } }
        openGather()
        gather.writeRepeatingByte(0, count: padding)
        if dataDigest {
            crc = gather.withUnsafeReadableBytes { bytes in
                Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes.suffix(padding)), seed: crc)
            }
            gather.writeInteger(crc, endianness: .little)
        }
        byteCount += padding
    }

    /// Lets `body` fill room for `count` bytes of data where they will be sent from, and queues
    /// them behind the header that it returns; nil queues nothing.
    ///
    /// The header's data length says how much was filled.
    mutating func appendInPlace(
        count: Int, _ body: (UnsafeMutableRawBufferPointer) -> BasicHeader?
    ) -> Bool {
        openGather()
        let start = headerLength
        let room = start + ISCSIWire.padded(count) + ISCSIWire.digestLength
        let (withHeader, withData) = (headerDigest, dataDigest)
        let written = gather.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count])
            guard let header = body(target) else { return 0 }
            Self.seal(header, into: bytes, withHeader: withHeader)
            return start
                + Self.finish(
                    UnsafeMutableRawBufferPointer(rebasing: bytes[start...]),
                    count: min(header.dataLength, count), withData: withData)
        }
        byteCount += written
        return written > 0
    }

    /// Takes what is queued, in order; `reuse` takes the array back when it has been sent.
    mutating func take() -> [ByteBuffer] {
        if !isGatherTaken, gather.readableBytes > 0 { ready.append(gather) }
        isGatherTaken = true
        byteCount = 0
        var taken: [ByteBuffer] = []
        swap(&taken, &spare)
        swap(&taken, &ready)
        return taken
    }

    /// Keeps the memory of an array that `take` has given, but not its content.
    mutating func reuse(_ taken: inout [ByteBuffer]) {
        swap(&spare, &taken)
        spare.removeAll(keepingCapacity: true)
        taken = []
    }

    /// Gives memory back while nothing is to be sent.
    mutating func shrink(allocator: ByteBufferAllocator) {
        guard byteCount == 0 else { return }
        gather = allocator.buffer(capacity: 0)
        isGatherTaken = false
    }

    /// Makes the gathering buffer writable, a new one where the channel still has the old.
    private mutating func openGather() {
        guard isGatherTaken else { return }
        isGatherTaken = false
        gather.clear(minimumCapacity: Self.capacity)
    }

    private mutating func place(
        _ header: BasicHeader, count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        _ = appendInPlace(count: count) { target in
            fill(target)
            return header
        }
    }

    /// Stores a header and its digest.
    private static func seal(
        _ header: BasicHeader, into bytes: UnsafeMutableRawBufferPointer, withHeader: Bool
    ) {
        header.store(to: bytes)
        guard withHeader else { return }
        let length = ISCSIWire.headerLength
        let crc = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        bytes.storeBytes(of: crc.littleEndian, toByteOffset: length, as: UInt32.self)
    }

    /// Adds padding and digest to data; returns the bytes of all of it.
    private static func finish(
        _ bytes: UnsafeMutableRawBufferPointer, count: Int, withData: Bool
    ) -> Int {
        let padded = ISCSIWire.padded(count)
        for index in count..<padded { bytes[index] = 0 }
        guard withData, count > 0 else { return padded }
        let crc = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<padded]))
        bytes.storeBytes(of: crc.littleEndian, toByteOffset: padded, as: UInt32.self)
        return padded + ISCSIWire.digestLength
    }
}
