import CFUSE
import Glibc
import NFSWire

extension FileServer {
    /// Part of a file that is being written.
    private struct WriteRequest {
        var unique: UInt64
        var number: UInt64
        var handle: FileHandle
        var state: NodeState
        var offset: UInt64
        var payload: Payload
        var stability: NFSStability
        var size: Int
    }

    /// FUSE_WRITE: answered when the guest has the data, so that an error reaches its write.
    func write(_ message: FuseMessage) {
        guard let node = node(of: message), let input = message.argument(fuse_write_in.self),
            let state = nodes.state(of: message.node)
        else { return fail(message.unique, EINVAL) }
        let start = MemoryLayout<fuse_in_header>.size + MemoryLayout<fuse_write_in>.size
        let size = Int(input.size)
        guard size <= transfer, size <= message.body.count - MemoryLayout<fuse_write_in>.size,
            input.offset <= UInt64(Int64.max) - UInt64(size)
        else { return fail(message.unique, EFBIG) }
        let isStable = Int32(bitPattern: input.flags) & (O_SYNC | O_DSYNC) != 0
        let request = WriteRequest(
            unique: message.unique, number: message.node,
            handle: isStable ? strict(node) : node.handle, state: state, offset: input.offset,
            payload: Payload(buffer: deviceBuffer(), range: start..<start + size),
            stability: isStable ? .fileSync : .unstable, size: size)
        beginChange(of: message.node, state)
        guard input.write_flags & UInt32(FUSE_WRITE_KILL_SUIDGID) != 0,
            let mode = Self.withoutPrivileges(node.mode)
        else { return put(request) }
        setMode(of: request.number, node, mode) { [unowned self] errno in
            guard errno == 0 else {
                endChange(of: request.number, state)
                return fail(request.unique, errno)
            }
            put(request)
        }
    }

    /// Takes a file's set-user and set-group bits away, and tells the kernel; gives an errno.
    func setMode(
        of number: UInt64, _ node: NodeTable.Node, _ mode: UInt32, _ body: @escaping (Int32) -> Void
    ) {
        var change = SetAttributes()
        change.mode = mode
        call(.setAttributes(node.handle, change), as: NFSChangeReply.self) {
            [unowned self] outcome in
            switch outcome {
            case .failed(let errno): return body(errno)
            case .done(let reply):
                if let attributes = reply.attributes { nodes.note(number, attributes) }
            }
            device?.forgetAttributes(of: number)
            body(0)
        }
    }

    private func deviceBuffer() -> Buffer { device?.keepBuffer() ?? pool.take() }

    private func put(_ request: WriteRequest) {
        let count = UInt32(request.payload.range.count)
        let call = NFSRequest.write(
            request.handle, offset: request.offset, count: count, request.stability)
        self.call(call, payload: request.payload, as: NFSWriteReply.self) {
            [unowned self] outcome in
            switch outcome {
            case .failed(let errno):
                failedChanges += 1
                endChange(of: request.number, request.state)
                // As write(2): what was taken is told, and why no more was by the next write.
                let taken = request.size - request.payload.range.count
                guard taken == 0 else { return replyWritten(request.unique, taken) }
                fail(request.unique, errno)
            case .done(let reply): accept(reply, request)
            }
        }
    }

    /// Takes the answer to a write; goes on where the server took less than was sent.
    private func accept(_ reply: NFSWriteReply, _ request: WriteRequest) {
        let count = Int(reply.count)
        guard count > 0 || request.payload.range.isEmpty, count <= request.payload.range.count
        else {
            endChange(of: request.number, request.state)
            return fail(request.unique, EIO)
        }
        see(verifier: reply.verifier)
        statistics.bytesWritten += UInt64(count)
        if reply.stability == .unstable { request.state.uncommittedBytes += UInt64(count) }
        if let attributes = reply.attributes { nodes.note(request.number, attributes) }
        guard count < request.payload.range.count else {
            endChange(of: request.number, request.state, reply.attributes)
            return replyWritten(request.unique, request.size)
        }
        var rest = request
        rest.offset += UInt64(count)
        let range = request.payload.range
        rest.payload.range = range.lowerBound + count..<range.upperBound
        put(rest)
    }

    private func replyWritten(_ unique: UInt64, _ count: Int) {
        device?.reply(unique, fuse_write_out(size: UInt32(count), padding: 0))
    }

    /// The handle through which a change is on the disk when it is answered.
    func strict(_ node: NodeTable.Node) -> FileHandle {
        exports[node.export].isTwofold ? StrictHandle.strict(node.handle) : node.handle
    }
}
