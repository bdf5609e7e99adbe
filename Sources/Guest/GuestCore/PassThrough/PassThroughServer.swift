import Bytes
import FUSEWire
import Glibc
import Platform

/// Answers the kernel's FUSE requests from a mounted file system.
///
/// One thread owns it.
///
/// This process is the only one that changes the file system, so names and attributes stay true
/// until a request changes them: the kernel may keep both for a day.
///
/// In a User-Mode Linux guest a system call costs far more than anything computed between two,
/// so a request costs one to read it, one to answer it and, mostly, one to do it.
final class PassThroughServer {
    /// How long the kernel may rely on attributes.
    static let cacheSeconds: UInt64 = 86_400
    /// How long the kernel may rely on names.
    ///
    /// Where two spellings may mean one file, a name that was removed or renamed under another
    /// spelling stays visible for so long.
    var nameSeconds: UInt64 { traits.foldsNames ? 1 : Self.cacheSeconds }

    let device: OwnedFD
    let traits: PassThroughTraits
    let isReadOnly: Bool
    /// Where the file system is mounted, without a slash at the end.
    let base: [UInt8]
    var table = NodeTable()
    var files = OpenFiles()
    /// Where the listing of a folder stopped, to go on from there.
    var listings: [NodeTable.NodeID: NodeTable.EntryID] = [:]
    /// Whether the file system knows extended attributes at all.
    var hasAttributes = true

    let request = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FUSEWire.Limits.request, alignment: 4096)
    let answer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FUSEReply.headerSize + FUSEWire.Limits.transfer, alignment: 4096)

    /// A server for the file system at `base`; the kernel's requests come from `device`.
    init(device: OwnedFD, base: String, traits: PassThroughTraits, isReadOnly: Bool) {
        self.device = device
        self.base = Array(base.utf8)
        self.traits = traits
        self.isReadOnly = isReadOnly
    }

    deinit {
        request.deallocate()
        answer.deallocate()
    }

    /// Answers until the FUSE mount ends.
    ///
    /// Blocks.
    func serve() {
        probeAttributes()
        while true {
            let count = read(device.raw, request.baseAddress, request.count)
            if count == 0 { break }
            if count < 0 {
                // ENOENT: the request was taken back before it was read.
                if errno == EINTR || errno == EAGAIN || errno == ENOENT { continue }
                break
            }
            guard let (header, call) = decode(count) else { continue }
            if let reply = respond(header, call) { send(reply.encoded(unique: header.unique)) }
        }
        files.closeAll()
    }

    /// Decodes the request in the buffer; one that makes no sense is answered here.
    private func decode(_ count: Int) -> (FUSERequestHeader, FUSECall)? {
        let bodyOffset = FUSERequestHeader.size
        guard count >= bodyOffset else { return nil }
        var reader = ByteReader(request[..<bodyOffset])
        guard let header = try? FUSERequestHeader(&reader, available: count) else { return nil }
        // A write's data stay where they are: only its 40 bytes of arguments are decoded.
        let isWrite = header.opcode == FUSEOpcode.write.rawValue
        let end = isWrite ? min(count, bodyOffset + 40) : count
        do {
            let call = try FUSECall(
                opcode: header.opcode, body: ArraySlice(request[bodyOffset..<end]),
                dataCount: count - end)
            return (header, call)
        } catch {
            send(FUSEReply.failure(EPROTO).encoded(unique: header.unique))
            return nil
        }
    }

    /// Does what a request asks for; nil where no answer is due or it was sent already.
    private func respond(_ header: FUSERequestHeader, _ call: FUSECall) -> FUSEReply? {
        switch call {
        case .forget(let count):
            table.noteForgotten(header.node, count: count)
            return nil
        case .batchForget(let all):
            for one in all { table.noteForgotten(one.node, count: one.count) }
            return nil
        case .`init`(let offer): return initialize(offer)
        case .destroy: return .done
        case .other, .open: return .failure(ENOSYS)
        default: break
        }
        guard table.isInUse(header.node) else { return .failure(ESTALE) }
        let node = NodeTable.NodeID(header.node)
        do throws(SystemError) {
            return try perform(header, node, call)
        } catch {
            return .failure(error.errno)
        }
    }

    private func perform(
        _ header: FUSERequestHeader, _ node: NodeTable.NodeID, _ call: FUSECall
    ) throws(SystemError) -> FUSEReply? {
        switch call {
        case .lookup(let name): return try lookUp(name, in: node)
        case .getattr: return try attributes(of: node)
        case .setattr(let new): return try setAttributes(of: node, new)
        case .readlink: return try readLink(node)
        case .statfs: return try statistics()
        case .mknod(let name, let mode, let device):
            return try make(header, name, in: node) { mknod($0, mode, dev_t(device)) }
        case .mkdir(let name, let mode):
            return try make(header, name, in: node) { mkdir($0, mode) }
        case .symlink(let name, let target):
            return try makeLink(header, name, to: target, in: node)
        case .link(let existing, let name): return try link(existing, to: name, in: node)
        case .unlink(let name): return try remove(name, in: node) { unlink($0) }
        case .rmdir(let name): return try remove(name, in: node) { rmdir($0) }
        case .rename(let name, let parent, let newName, let flags):
            return try rename(name, in: node, to: newName, in: parent, flags: flags)
        case .readdir(let offset, let limit):
            return try list(node, from: offset, limit: limit, plus: false)
        case .readdirplus(let offset, let limit):
            return try list(node, from: offset, limit: limit, plus: true)
        case .read, .write, .fsync, .fsyncdir, .fallocate, .lseek:
            return try performOnContents(header, node, call)
        default: return try performOnAttributes(node, call)
        }
    }

    private func initialize(_ offer: FUSEInitOffer) -> FUSEReply {
        guard offer.major == FUSEWire.major, offer.minor >= FUSEWire.oldestMinor else {
            return .failure(EPROTO)
        }
        let wanted: FUSEInitFlags = [
            .asyncRead, .exportSupport, .bigWrites, .doReaddirplus, .noOpenSupport,
            .parallelDirectoryOperations, .maxPages, .cacheSymlinks, .noOpendirSupport,
            .handleKillprivV2,
        ]
        return .`init`(
            FUSEInitAnswer(
                maximumReadahead: UInt32(FUSEWire.Limits.transfer),
                flags: wanted.intersection(offer.flags), maximumBackground: 64))
    }

    func send(_ bytes: [UInt8]) {
        // A failure means that nobody waits for this answer any more.
        _ = write(device.raw, bytes, bytes.count)
    }
}
