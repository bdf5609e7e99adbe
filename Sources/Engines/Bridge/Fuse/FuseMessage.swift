import CFUSE

/// One request of the host's kernel, valid until the next one is read.
struct FuseMessage {
    /// Who asks for what, on which node.
    let header: fuse_in_header
    /// What follows the header.
    let body: UnsafeRawBufferPointer

    /// What is asked for; an enum fuse_opcode.
    var opcode: fuse_opcode { fuse_opcode(rawValue: header.opcode) }

    /// The request's number, which the answer repeats.
    var unique: UInt64 { header.unique }

    /// The node it is about.
    var node: UInt64 { header.nodeid }

    /// The fixed part at the start of the body; nil where the kernel sent less.
    func argument<Value: BitwiseCopyable>(_ type: Value.Type = Value.self) -> Value? {
        guard body.count >= MemoryLayout<Value>.size else { return nil }
        return body.loadUnaligned(as: Value.self)
    }

    /// The NUL-terminated name at an offset of the body, without its NUL.
    func name(at offset: Int = 0) -> [UInt8]? {
        guard offset <= body.count else { return nil }
        let rest = body[offset...]
        guard let end = rest.firstIndex(of: 0) else { return nil }
        return Array(rest[..<end])
    }
}
