public import BlockDevice
import Platform
import Synchronization

/// Calls that are made on threads that must not wait.
extension FileDevice {
    /// Longest write that is tried at once, in bytes.
    private static let writeLimit = 256 << 10
    /// What a page cache changes without reading the rest of the page first.
    private static let page: UInt64 = 4096

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        // Errors are told by the read that follows, which knows them for sure.
        if isCut.load(ordering: .relaxed) { return false }
        let got =
            isInMemory
            ? BlockIO.read(file.raw, at: offset, into: buffer)
            : BlockIO.readNow(file.raw, at: offset, into: buffer)
        return got == buffer.count
    }

    /// See `BlockDevice`.
    ///
    /// The file system is asked where it can be; else whole pages are written where the last writes
    /// did not wait.
    public func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        let length = UInt64(buffer.count)
        try checkWrite(BlockRange(offset: offset, length: length))
        let began = Clock.nanoseconds()
        guard buffer.count <= Self.writeLimit, !isCut.load(ordering: .relaxed),
            forecast.isCalm(at: began)
        else { return false }
        if has(.writeNow) {
            let put = BlockIO.writeNow(file.raw, at: offset, from: buffer)
            // What was put in part, or failed, is done and told by the write that follows.
            if put >= 0 { return put == buffer.count }
            guard BlockIO.meaning(of: put) == .unsupported else { return false }
            lacks(.writeNow)
        }
        guard (offset | length) & (Self.page - 1) == 0 else { return false }
        try write(at: offset, from: buffer, options: [])
        forecast.note(began: began, ended: Clock.nanoseconds())
        return true
    }
}
