import BlockDevice
import Glibc
import NBDWire
import NIOCore
import Platform

extension NBDErrorNumber {
    /// What a client is told of a device's error.
    init(_ error: BlockError, of command: NBDCommand) {
        switch error {
        case .outOfRange:
            let isWrite = command == .write || command == .writeZeroes
            self = isWrite ? .noSpace : .invalid
        case .readOnly: self = .notPermitted
        case .notSupported: self = command == .writeZeroes ? .notSupported : .invalid
        case .noSpace: self = .noSpace
        case .medium(_, let error):
            switch error.errno {
            case ENOSPC, EDQUOT, EFBIG: self = .noSpace
            case ENOMEM: self = .noMemory
            default: self = .inputOutput
            }
        case .gone: self = .inputOutput
        }
    }
}

extension ByteBuffer {
    /// Bytes before the data of a read's reply.
    static func replyPrefix(_ style: NBDHeaderStyle) -> Int {
        style == .simple ? NBDSimpleReply.size : style.chunkSize + NBDDataChunk.prefix
    }

    /// Room that a read's reply needs, in bytes.
    static func replySize(of request: NBDRequest, _ style: NBDHeaderStyle) -> Int {
        replyPrefix(style) + Int(request.length)
    }

    /// Appends the reply of a read whose data `fill` reads; nothing where it returns false.
    @inline(__always)
    @discardableResult
    mutating func writeReply(
        to request: NBDRequest, _ style: NBDHeaderStyle,
        _ fill: (UnsafeMutableRawBufferPointer) -> Bool
    ) -> Bool {
        let count = Int(request.length)
        if count == 0 {
            writeReply(to: request, style)
            return true
        }
        let prefix = Self.replyPrefix(style)
        return writeWithUnsafeMutableBytes(minimumWritableBytes: prefix + count) { bytes in
            let data = UnsafeMutableRawBufferPointer(rebasing: bytes[prefix..<prefix + count])
            guard fill(data) else { return 0 }
            if style == .simple {
                NBDSimpleReply(cookie: request.cookie).encode(into: bytes)
            } else {
                let length = UInt32(NBDDataChunk.prefix + count)
                NBDChunkHeader(
                    .offsetData, cookie: request.cookie, offset: request.offset, length: length
                ).encode(style, into: bytes)
                let place = UnsafeMutableRawBufferPointer(rebasing: bytes[style.chunkSize...])
                NBDDataChunk.encode(offset: request.offset, into: place)
            }
            return prefix + count
        } > 0
    }

    /// Appends a reply without data, and without error.
    ///
    /// A read without data is answered by an empty chunk once chunks have been agreed.
    @inline(__always)
    mutating func writeReply(to request: NBDRequest, _ style: NBDHeaderStyle) {
        if style == .simple || (style == .structured && request.command != .read) {
            writeWithUnsafeMutableBytes(minimumWritableBytes: NBDSimpleReply.size) { bytes in
                NBDSimpleReply(cookie: request.cookie).encode(into: bytes)
                return NBDSimpleReply.size
            }
        } else {
            writeChunk(.nothing, to: request, style, [])
        }
    }

    /// Appends the reply that a request failed.
    mutating func writeError(
        _ error: NBDErrorNumber, _ message: String, to request: NBDRequest, _ style: NBDHeaderStyle
    ) {
        guard style != .simple else {
            _ = writeWithUnsafeMutableBytes(minimumWritableBytes: NBDSimpleReply.size) { bytes in
                NBDSimpleReply(error: error, cookie: request.cookie).encode(into: bytes)
                return NBDSimpleReply.size
            }
            return
        }
        let chunk = NBDErrorChunk(error: error, message: message)
        writeChunk(.error, to: request, style, chunk.encoded)
    }

    /// Appends a block status, its extents joined where they are alike.
    mutating func writeStatus(
        _ extents: [BlockExtent], to request: NBDRequest, _ style: NBDHeaderStyle
    ) {
        let isExtended = style == .extended
        // A narrow extent ends at the last multiple of 64 KiB that 32 bits hold.
        let longest = isExtended ? UInt64.max : UInt64(UInt32.max) - 0xffff
        var descriptors: [NBDDescriptor] = []
        for extent in extents where extent.length > 0 {
            var flags: NBDAllocation = []
            if !extent.isAllocated { flags.insert(.hole) }
            if extent.readsZero { flags.insert(.zero) }
            if let last = descriptors.last, last.flags == flags.rawValue,
                extent.length <= longest - last.length
            {
                descriptors[descriptors.count - 1].length += extent.length
                continue
            }
            let length = min(extent.length, longest)
            descriptors.append(NBDDescriptor(length: length, flags: flags.rawValue))
            if length < extent.length { break }
        }
        guard !descriptors.isEmpty else {
            return writeError(.inputOutput, "the device tells no extent", to: request, style)
        }
        let status = NBDBlockStatus(context: NBDSession.context, descriptors: descriptors)
        writeChunk(
            isExtended ? .blockStatusExtended : .blockStatus, to: request, style,
            status.encoded(extended: isExtended))
    }

    /// Appends a last chunk.
    private mutating func writeChunk(
        _ type: NBDChunkType, to request: NBDRequest, _ style: NBDHeaderStyle, _ payload: [UInt8]
    ) {
        let header = NBDChunkHeader(
            type, cookie: request.cookie, offset: request.offset, length: UInt32(payload.count))
        writeWithUnsafeMutableBytes(minimumWritableBytes: style.chunkSize) { bytes in
            header.encode(style, into: bytes)
            return style.chunkSize
        }
        writeBytes(payload)
    }
}
