import BlockDevice
import Bytes
import FUSEWire
import Glibc
import Platform

/// One of the threads that answer the kernel's requests about a `DiskFile`.
///
/// One thread after it has been made: its buffers are its own.
final class DiskFileWorker: @unchecked Sendable {
    // Handed to one thread, which alone uses it.

    /// What follows the header of a write before its data (struct fuse_write_in).
    private static let writeHeader = 40

    private let file: DiskFile
    private let descriptor: OwnedFD
    private let request = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FUSEWire.Limits.request, alignment: 4096)
    private let answer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 4096 + FUSEWire.Limits.transfer, alignment: 4096)

    init(_ file: DiskFile, _ descriptor: OwnedFD) {
        self.file = file
        self.descriptor = descriptor
    }

    deinit {
        request.deallocate()
        answer.deallocate()
    }

    /// Answers until the folder is unmounted.
    func serve() {
        while true {
            let count = RawIO.read(descriptor.raw, into: request)
            // ENOENT: the request was taken back before it was read.
            if [-Int(EINTR), -Int(EAGAIN), -Int(ENOENT)].contains(count) { continue }
            guard count > 0 else { return }
            handle(UnsafeRawBufferPointer(rebasing: request[..<count]))
        }
    }

    private func handle(_ bytes: UnsafeRawBufferPointer) {
        let bodyOffset = FUSERequestHeader.size
        guard bytes.count >= bodyOffset else { return }
        var reader = ByteReader(bytes[..<bodyOffset])
        guard let header = try? FUSERequestHeader(&reader, available: bytes.count) else { return }
        // A write's data stay where they are.
        let isWrite = header.opcode == FUSEOpcode.write.rawValue
        let end = isWrite ? min(bytes.count, bodyOffset + Self.writeHeader) : bytes.count
        guard
            let call = try? FUSECall(
                opcode: header.opcode, body: ArraySlice(bytes[bodyOffset..<end]),
                dataCount: bytes.count - end)
        else { return send(.failure(EPROTO), header.unique) }
        switch call {
        case .forget, .batchForget: return
        case .read(let offset, let count): read(header, offset, count)
        case .write(let offset, _, _):
            let data = UnsafeRawBufferPointer(rebasing: bytes[end...])
            send(write(header, offset, data), header.unique)
        default: send(file.answer(call, node: header.node), header.unique)
        }
    }

    /// Reads into the answer's buffer, behind its header, and sends both at once.
    private func read(_ header: FUSERequestHeader, _ offset: UInt64, _ wanted: Int) {
        guard header.node == DiskFile.node else { return send(.failure(EISDIR), header.unique) }
        let size = file.device.size
        let count = offset < size ? Int(min(UInt64(wanted), size - offset)) : 0
        // The data begins on a page of its own, the header right before it.
        let place = UnsafeMutableRawBufferPointer(rebasing: answer[4096..<4096 + count])
        do throws(BlockError) {
            if count > 0 { try file.device.read(at: offset, into: place) }
        } catch { return send(.failure(DiskFile.errno(error)), header.unique) }
        file.count(read: count)
        let head = FUSEReply.header(unique: header.unique, dataCount: count)
        let start = 4096 - head.count
        UnsafeMutableRawBufferPointer(rebasing: answer[start..<4096]).copyBytes(from: head)
        put(UnsafeRawBufferPointer(rebasing: answer[start..<4096 + count]))
    }

    private func write(
        _ header: FUSERequestHeader, _ offset: UInt64, _ data: UnsafeRawBufferPointer
    ) -> FUSEReply {
        guard header.node == DiskFile.node else { return .failure(EISDIR) }
        let size = file.device.size
        // A disk does not grow; what still fits is written.
        let count = offset < size ? Int(min(UInt64(data.count), size - offset)) : 0
        guard count > 0 || data.isEmpty else { return .failure(ENOSPC) }
        do throws(BlockError) {
            try file.device.write(
                at: offset, from: UnsafeRawBufferPointer(rebasing: data[..<count]), options: [])
        } catch { return .failure(DiskFile.errno(error)) }
        file.count(written: count)
        return .written(UInt32(count))
    }

    private func send(_ reply: FUSEReply, _ unique: UInt64) {
        reply.encoded(unique: unique).withUnsafeBytes { put($0) }
    }

    /// A failure means that nobody waits for the answer any more.
    private func put(_ bytes: UnsafeRawBufferPointer) {
        var part = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        _ = RawIO.write(descriptor.raw, &part, count: 1)
    }
}
