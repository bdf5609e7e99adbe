import ISCSIWire
import NIOCore
import Platform

/// Why a byte stream cannot be followed any more.
enum FramingError: Error, Equatable, Sendable {
    /// The header's digest is wrong, so nothing that follows can be trusted.
    case headerDigest
    /// More data than was agreed on.
    case dataTooLong(Int, limit: Int)
}

/// Cuts a byte stream into PDUs (RFC 7143, 11.1), without keeping their data.
struct Framer {
    /// What comes next in the stream.
    enum Step {
        /// Everything has been used up.
        case needMore
        /// A PDU begins.
        case begin(BasicHeader, additional: [UInt8])
        /// A part of its data, from this offset on.
        case piece(ByteBuffer, offset: Int)
        /// It ends; whether its data digest, if there is one, is right.
        case end(isIntact: Bool)
    }

    private enum Phase {
        case header
        /// Bytes of data that are still to come, and how many came.
        case data(left: Int, done: Int)
        /// Bytes of padding and digest that are still to come.
        case trailer(left: Int)
        case ended
    }

    /// Whether headers and data carry digests.
    var headerDigest = false
    var dataDigest = false
    /// Most bytes of data in a PDU.
    var dataLimit = ISCSIWire.defaultDataSegment
    private var phase = Phase.header
    private var stash: [UInt8] = []
    private var padding = 0
    private var crc: UInt32 = 0

    /// Whether a PDU has begun and not ended.
    var isWithinPDU: Bool {
        if case .header = phase { return !stash.isEmpty }
        return true
    }

    /// Takes the next step; uses up what it needs of the input.
    mutating func step(_ input: inout ByteBuffer) throws(FramingError) -> Step {
        switch phase {
        case .header: return try header(&input)
        case .data(let left, let done): return data(&input, left, done)
        case .trailer(let left): return trailer(&input, left)
        case .ended:
            phase = .header
            return .end(isIntact: true)
        }
    }

    private func headerLength(_ fourth: UInt8) -> Int {
        ISCSIWire.headerLength + Int(fourth) * 4 + (headerDigest ? ISCSIWire.digestLength : 0)
    }

    private mutating func header(_ input: inout ByteBuffer) throws(FramingError) -> Step {
        if stash.isEmpty, input.readableBytes >= ISCSIWire.headerLength {
            let fourth: UInt8 = input.getInteger(at: input.readerIndex + 4) ?? 0
            let length = headerLength(fourth)
            if input.readableBytes >= length {
                let step = input.withUnsafeReadableBytes { bytes in
                    begin(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                }
                input.moveReaderIndex(forwardBy: length)
                return try step.get()
            }
        }
        // A header that comes in parts.
        while input.readableBytes > 0 {
            let isShort = stash.count < ISCSIWire.headerLength
            let goal = isShort ? ISCSIWire.headerLength : headerLength(stash[4])
            if stash.count < goal {
                let part = input.readBytes(length: min(goal - stash.count, input.readableBytes))
                stash += part ?? []
            }
            guard stash.count >= ISCSIWire.headerLength else { return .needMore }
            guard stash.count == headerLength(stash[4]) else { continue }
            let step = stash.withUnsafeBytes { begin($0) }
            stash.removeAll(keepingCapacity: true)
            return try step.get()
        }
        return .needMore
    }

    /// Begins a PDU with its complete headers and their digest.
    private mutating func begin(
        _ bytes: UnsafeRawBufferPointer
    ) -> Result<Step, FramingError> {
        let header = BasicHeader(bytes)
        let covered = ISCSIWire.headerLength + header.additionalLength
        if headerDigest {
            let digest = UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: covered, as: UInt32.self))
            guard Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<covered])) == digest
            else { return .failure(.headerDigest) }
        }
        let length = header.dataLength
        guard length <= dataLimit else {
            return .failure(.dataTooLong(length, limit: dataLimit))
        }
        padding = ISCSIWire.padded(length) - length
        crc = 0
        phase = length == 0 ? .ended : .data(left: length, done: 0)
        let additional = bytes[ISCSIWire.headerLength..<covered]
        return .success(.begin(header, additional: additional.isEmpty ? [] : Array(additional)))
    }

    private mutating func data(_ input: inout ByteBuffer, _ left: Int, _ done: Int) -> Step {
        let count = min(left, input.readableBytes)
        guard count > 0, let piece = input.readSlice(length: count) else { return .needMore }
        if dataDigest { add(piece) }
        let trailer = padding + (dataDigest ? ISCSIWire.digestLength : 0)
        if count < left {
            phase = .data(left: left - count, done: done + count)
        } else {
            phase = trailer == 0 ? .ended : .trailer(left: trailer)
        }
        return .piece(piece, offset: done)
    }

    private mutating func add(_ piece: ByteBuffer) {
        crc = piece.withUnsafeReadableBytes { Checksum.crc32c($0, seed: crc) }
    }

    private mutating func trailer(_ input: inout ByteBuffer, _ left: Int) -> Step {
        guard let part = input.readBytes(length: min(left, input.readableBytes)), !part.isEmpty
        else { return .needMore }
        stash += part
        guard part.count == left else {
            phase = .trailer(left: left - part.count)
            return .needMore
        }
        defer { stash.removeAll(keepingCapacity: true) }
        phase = .header
        guard dataDigest else { return .end(isIntact: true) }
        crc = stash.withUnsafeBytes { bytes in
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<padding]), seed: crc)
        }
        let digest = stash[padding...].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return .end(isIntact: digest == crc)
    }
}
