import Bytes
import NBDWire
import Platform

extension NBDConnection {
    /// The most chunks without content in one reply.
    private static let emptyChunkLimit = 64

    /// Where the content of a reply goes, and how much has come.
    private struct Target {
        let offset: UInt64
        let buffer: UnsafeMutableRawBufferPointer
        /// Bytes that have come.
        var count = 0
        /// How far they follow one another from the start.
        var end = 0
        var isOrdered = true

        /// The place of a chunk; nil where it does not lie within what is still to come.
        mutating func place(_ start: UInt64, _ length: Int) -> UnsafeMutableRawBufferPointer? {
            guard start >= offset, start - offset <= UInt64(buffer.count), length > 0,
                length <= buffer.count - Int(start - offset), length <= buffer.count - count
            else { return nil }
            let first = Int(start - offset)
            if isOrdered && first != end {
                // What no chunk covers must not be what the memory held before.
                UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
                    .initializeMemory(as: UInt8.self, repeating: 0)
                isOrdered = false
            }
            count += length
            end = first + length
            return UnsafeMutableRawBufferPointer(rebasing: buffer[first..<first + length])
        }
    }

    /// Does a request whose reply has no content.
    func change(
        _ command: NBDCommand, offset: UInt64, length: UInt64, flags: NBDCommandFlags,
        content: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        deadline: Int64
    ) throws(NBDFailure) {
        try ask(command, offset, length, flags, content, deadline)
        try hear(deadline: deadline) { header throws(NBDFailure) in
            guard header.type == .nothing && header.length == 0 else {
                throw .broken("content where none was asked for")
            }
        }
    }

    /// Reads; the buffer is filled, or an error thrown.
    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer, deadline: Int64
    ) throws(NBDFailure) {
        try ask(
            .read, offset, UInt64(buffer.count), [], UnsafeRawBufferPointer(start: nil, count: 0),
            deadline)
        var target = Target(offset: offset, buffer: buffer)
        let isSimple = try hear(deadline: deadline) { header throws(NBDFailure) in
            switch header.type {
            case .offsetData:
                let prefix = NBDDataChunk.prefix
                guard header.length > prefix else { throw .broken("a chunk without data") }
                let start = try number(deadline: deadline)
                guard let place = target.place(start, Int(header.length) - prefix) else {
                    throw .broken("data outside of what was asked for")
                }
                try receive(into: place, deadline: deadline)
            case .offsetHole:
                guard header.length == NBDHoleChunk.size else { throw .broken("a hole's length") }
                let bytes = try peek(NBDHoleChunk.size, deadline: deadline)
                let hole = try NBDFailure.decoding { () throws(BytesError) in
                    try NBDHoleChunk(decoding: bytes)
                }
                skip(NBDHoleChunk.size)
                guard let place = target.place(hole.offset, Int(hole.length)) else {
                    throw .broken("a hole outside of what was asked for")
                }
                place.initializeMemory(as: UInt8.self, repeating: 0)
            case .nothing where header.length == 0: break
            default: throw .broken("a chunk of type \(header.type.rawValue)")
            }
        }
        if isSimple { return try receive(into: buffer, deadline: deadline) }
        guard target.count == buffer.count else { throw .broken("less than was asked for") }
    }

    /// Asks how a range is stored.
    func status(
        offset: UInt64, length: UInt64, context: UInt32, flags: NBDCommandFlags, limit: Int,
        deadline: Int64
    ) throws(NBDFailure) -> [NBDDescriptor] {
        try ask(
            .blockStatus, offset, length, flags, UnsafeRawBufferPointer(start: nil, count: 0),
            deadline)
        var found: [NBDDescriptor] = []
        try hear(deadline: deadline) { header throws(NBDFailure) in
            if header.type == .nothing && header.length == 0 { return }
            let longest = NBDBlockStatus.size(limit, extended: false)
            guard header.type == .blockStatus, header.length <= longest else {
                throw .broken("a chunk of type \(header.type.rawValue) for a status")
            }
            let bytes = try receive(Int(header.length), deadline: deadline)
            let status = try NBDFailure.decoding { () throws(BytesError) in
                try NBDBlockStatus(decoding: bytes, extended: false)
            }
            guard status.context == context, found.isEmpty else {
                throw .broken("a status that was not asked for")
            }
            found = status.descriptors
        }
        guard !found.isEmpty else { throw .broken("no status") }
        return found
    }

    /// Sends a request without waiting for a reply.
    func ask(
        _ command: NBDCommand, _ offset: UInt64, _ length: UInt64, _ flags: NBDCommandFlags,
        _ content: UnsafeRawBufferPointer, _ deadline: Int64
    ) throws(NBDFailure) {
        cookie &+= 1
        let request = NBDRequest(
            command, cookie: cookie, offset: offset, length: length, flags: flags)
        // A local array of fixed size: nothing is allocated.
        var head = InlineArray<32, UInt8>(repeating: 0)
        let style = style
        let result = withUnsafeMutableBytes(of: &head) { bytes in
            request.encode(style, into: bytes)
            let head = UnsafeRawBufferPointer(start: bytes.baseAddress, count: style.requestSize)
            return StreamIO.send(socket.raw, head: head, body: content, deadline: deadline)
        }
        if result < 0 { throw .connection(BlockIO.error(result, "send to the NBD server")) }
    }

    /// Hears a reply to its end; whether it was a simple one.
    ///
    /// An error is thrown once the reply is over, so that the connection can go on.
    @discardableResult
    private func hear(
        deadline: Int64, chunk: (NBDChunkHeader) throws(NBDFailure) -> Void
    ) throws(NBDFailure) -> Bool {
        var failure: NBDFailure?
        var empty = 0
        while true {
            switch try header(deadline: deadline) {
            case .simple(let reply):
                guard reply.cookie == cookie else { throw .broken("a reply to another request") }
                guard reply.error == .success else { throw .request(reply.error, "") }
                return true
            case .chunk(let header):
                guard header.cookie == cookie else { throw .broken("a reply to another request") }
                if header.type.isError {
                    let error = try self.error(header, deadline: deadline)
                    failure = failure ?? .request(error.error, error.message)
                } else {
                    if header.length == 0 { empty += 1 }
                    guard empty <= Self.emptyChunkLimit else { throw .broken("endless chunks") }
                    try chunk(header)
                }
                guard header.flags.contains(.done) else { continue }
                if let failure { throw failure }
                return false
            }
        }
    }

    private func header(deadline: Int64) throws(NBDFailure) -> NBDReplyHeader {
        let magic = try peek(NBDReplyHeader.magicSize, deadline: deadline)
        let style = style
        let size = try NBDFailure.decoding { () throws(BytesError) in
            try NBDReplyHeader.size(magic, style: style)
        }
        let bytes = try peek(size, deadline: deadline)
        let header = try NBDFailure.decoding { () throws(BytesError) in
            try NBDReplyHeader(decoding: bytes, style: style)
        }
        skip(size)
        return header
    }

    private func error(
        _ header: NBDChunkHeader, deadline: Int64
    ) throws(NBDFailure) -> NBDErrorChunk {
        guard header.length <= NBDLimits.text + 64 else { throw .broken("an error too long") }
        let bytes = try receive(Int(header.length), deadline: deadline)
        return try NBDFailure.decoding { () throws(BytesError) in
            try NBDErrorChunk(decoding: bytes, type: header.type)
        }
    }

    private func number(deadline: Int64) throws(NBDFailure) -> UInt64 {
        let bytes = try peek(NBDDataChunk.prefix, deadline: deadline)
        let number = try NBDFailure.decoding { () throws(BytesError) in
            try NBDDataChunk.offset(decoding: bytes)
        }
        skip(NBDDataChunk.prefix)
        return number
    }
}
