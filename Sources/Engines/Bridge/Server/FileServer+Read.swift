import CFUSE
import Glibc
import NFSWire
import Platform

extension FileServer {
    /// What a process, or the kernel's own read-ahead, wants of a file.
    struct ReadRequest {
        var unique: UInt64
        var number: UInt64
        var generation: UInt32
        var handle: FileHandle
        var offset: UInt64
        var size: Int
    }

    /// FUSE_READ.
    func read(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_read_in.self)
        else { return }
        let size = min(Int(input.size), NFSLimits.transfer)
        let wanted = ReadRequest(
            unique: message.unique, number: message.node, generation: node.generation,
            handle: node.handle, offset: input.offset, size: size)
        guard input.offset <= UInt64(Int64.max) - UInt64(size) else {
            return fail(message.unique, EINVAL)
        }
        // Reading changes the time of last access.
        forgetAttributes(of: message.node)
        guard let file = files[input.fh] else { return readDirectly(wanted) }
        file.noteRead(offset: wanted.offset, size: size)
        serve(wanted, file)
        readAhead(file, node)
    }

    private func serve(_ wanted: ReadRequest, _ file: OpenFile) {
        guard let ahead = file.state.readAhead else { return readDirectly(wanted) }
        switch ahead.find(offset: wanted.offset, size: wanted.size) {
        case .absent: readDirectly(wanted)
        case .coming(let chunk):
            chunk.waiters.append { [unowned self] in serve(wanted, file) }
        case .here(let pieces):
            send(wanted, pieces)
            let end = wanted.offset + UInt64(wanted.size)
            ahead.consume(upTo: min(end, file.expected), from: wanted.offset)
        }
    }

    private func send(_ wanted: ReadRequest, _ pieces: [(buffer: Buffer, range: Range<Int>)]) {
        statistics.bytesRead += UInt64(pieces.reduce(0) { $0 + $1.range.count })
        device?.reply(
            wanted.unique,
            pieces: pieces.map { UnsafeRawBufferPointer(rebasing: $0.buffer.memory[$0.range]) })
    }

    /// Asks the server for just what is wanted.
    private func readDirectly(_ wanted: ReadRequest) {
        let request = NFSRequest.read(
            wanted.handle, offset: wanted.offset, count: UInt32(min(wanted.size, transfer)))
        let asked = recent.moment
        callRecord(request, as: NFSReadReply.self) { [unowned self] outcome, record in
            switch outcome {
            case .failed(let errno): fail(wanted.unique, errno)
            case .done(let reply):
                if let attributes = reply.attributes {
                    recent.tell(
                        wanted.number, generation: wanted.generation, attributes, asked: asked,
                        now: Clock.milliseconds())
                }
                guard let record, reply.data.count <= wanted.size else {
                    return fail(wanted.unique, EIO)
                }
                let bytes = UnsafeRawBufferPointer(rebasing: record.bytes[reply.data])
                if reply.isEnd || reply.data.count == wanted.size {
                    statistics.bytesRead += UInt64(bytes.count)
                    device?.reply(wanted.unique, bytes: bytes)
                } else {
                    readRest(wanted, Array(bytes))
                }
            }
        }
    }

    /// Goes on where the server sent less than was asked for: the kernel takes a short answer for
    /// the end of the file.
    private func readRest(_ wanted: ReadRequest, _ start: [UInt8]) {
        let count = UInt32(min(wanted.size - start.count, transfer))
        let request = NFSRequest.read(
            wanted.handle, offset: wanted.offset + UInt64(start.count), count: count)
        callRecord(request, as: NFSReadReply.self) { [unowned self] outcome, record in
            guard case .done(let reply) = outcome, let record else {
                return fail(wanted.unique, EIO)
            }
            let all = start + Array(record.bytes[reply.data])
            // Nothing new and yet no end: a server that makes no progress.
            guard all.count <= wanted.size, reply.isEnd || all.count > start.count else {
                return fail(wanted.unique, EIO)
            }
            if reply.isEnd || all.count == wanted.size {
                statistics.bytesRead += UInt64(all.count)
                all.withUnsafeBytes { _ = device?.reply(wanted.unique, bytes: $0) }
            } else {
                readRest(wanted, all)
            }
        }
    }

    /// Asks for what will be read next, where a file is being read from start to end.
    ///
    /// All files that are being read share one budget.
    private func readAhead(_ file: OpenFile, _ node: NodeTable.Node) {
        let state = file.state
        guard file.streak >= 2, state.changesInFlight == 0 else { return }
        let size = state.size ?? .max
        let ahead = state.readAhead ?? ReadAhead()
        state.readAhead = ahead
        touchReadAhead(state, ahead)
        let share = max(Limits.readAheadBytes / readAheadUsers.count, 1 << 18)
        let window = min(file.window, share)
        let longest = UInt64(min(transfer, window))
        let target = min(size, file.expected + UInt64(window))
        var position = ahead.coverage(from: file.expected)
        while position < target {
            let length = Int(min(size - position, longest))
            // Little pieces are not worth a call while there is still something in hand.
            guard position + longest <= target || target == size || position == file.expected,
                makeRoomToReadAhead(length, for: state)
            else { return }
            fetchAhead(state, ahead, node, ReadAhead.Chunk(offset: position, length: length))
            position += UInt64(length)
            file.window = min(ReadAhead.windowLimit, file.window * 2)
        }
    }

    private func fetchAhead(
        _ state: NodeState, _ ahead: ReadAhead, _ node: NodeTable.Node, _ chunk: ReadAhead.Chunk
    ) {
        ahead.add(chunk)
        let request = NFSRequest.read(
            node.handle, offset: chunk.offset, count: UInt32(chunk.length))
        callRecord(request, as: NFSReadReply.self) { outcome, record in
            let waiters = chunk.waiters
            chunk.waiters = []
            if case .done(let reply) = outcome, let record, !chunk.isStale,
                reply.data.count <= chunk.length, reply.isEnd || !reply.data.isEmpty
            {
                chunk.data = Self.kept(record, reply.data)
                chunk.isEnd = reply.isEnd
                // Whoever wants what is missing asks for it.
                if !reply.isEnd { chunk.length = reply.data.count }
            } else {
                ahead.remove(chunk)
            }
            for waiter in waiters { waiter() }
        }
    }

    /// The data of a message in memory that lasts.
    private static func kept(
        _ record: Record, _ data: Range<Int>
    ) -> (buffer: Buffer, range: Range<Int>) {
        if let buffer = record.buffer { return (buffer, data) }
        let bytes = UnsafeRawBufferPointer(rebasing: record.bytes[data])
        return (Buffer(copying: bytes), 0..<data.count)
    }

    private func touchReadAhead(_ state: NodeState, _ ahead: ReadAhead) {
        ahead.lastUse = Clock.milliseconds()
        if readAheadUsers.last === state { return }
        readAheadUsers.removeAll { $0 === state }
        readAheadUsers.append(state)
    }

    /// Whether so many bytes may be read ahead; files that nobody reads any more make room.
    private func makeRoomToReadAhead(_ length: Int, for state: NodeState) -> Bool {
        var held = readAheadUsers.reduce(0) { $0 + ($1.readAhead?.bytes ?? 0) }
        while held + length > Limits.readAheadBytes || pool.lent >= Limits.readAheadBuffers {
            guard let oldest = readAheadUsers.first, oldest !== state,
                let ahead = oldest.readAhead,
                Clock.milliseconds() - ahead.lastUse > Limits.readAheadIdleMilliseconds
            else { return false }
            held -= ahead.bytes
            ahead.drop()
            readAheadUsers.removeFirst()
        }
        return true
    }
}
