public import BlockDevice
public import Platform
import Synchronization

/// A disk in a regular file, or a block device of this host.
///
/// Works through the page cache, so requests need no alignment. A flush is fdatasync(2); one that
/// fails makes every later flush fail too, because the kernel tells of lost pages once and then
/// takes them for clean. Flushes that come together share one. A file that somebody cut shorter is
/// never read as zeros: the first read past its end makes the device `gone`. Reads and writes
/// allocate nothing.
public final class FileDevice: BlockDevice {
    /// What is not to be read off the file.
    public struct Options: Sendable {
        /// Whether it may be written; the descriptor must be open for that.
        public var isWritable: Bool
        /// What initiators are told where the store is a regular file; 512 or 4096.
        public var logicalBlockSize: UInt32
        /// The same of the unit that is written without a read before; a file has none of its own.
        public var physicalBlockSize: UInt32

        /// Collects the options.
        public init(
            isWritable: Bool, logicalBlockSize: UInt32 = 512, physicalBlockSize: UInt32 = 4096
        ) {
            self.isWritable = isWritable
            self.logicalBlockSize = logicalBlockSize
            self.physicalBlockSize = physicalBlockSize
        }
    }

    /// See `BlockDevice`.
    public var size: UInt64 { currentSize.load(ordering: .acquiring) }
    /// See `BlockDevice`.
    public let properties: BlockProperties

    let file: OwnedFD
    let isBlockDevice: Bool
    let currentSize: Atomic<UInt64>
    let observers = BlockSizeObservers()
    let forecast = WriteForecast()
    /// Whether the file has no other place than memory.
    let isInMemory: Bool
    /// Ways that have turned out not to exist; a bit each of `FileWays`.
    let missing = Atomic<UInt8>(0)
    /// Set once: somebody cut the file.
    let isCut = Atomic(false)
    /// The first flush that failed.
    private let lost = Mutex<SystemError?>(nil)
    private let hasLost = Atomic(false)
    private let turns = SyncTurns()

    /// Takes an open file or block device; its size now is the device's.
    ///
    /// Throws `EINVAL` for what is neither, and where it cannot be examined. Blocks briefly.
    public init(_ file: OwnedFD, options: Options) throws(SystemError) {
        let facts = try FileFacts(file, options: options)
        self.file = file
        isBlockDevice = facts.isBlockDevice
        isInMemory = facts.isInMemory
        currentSize = Atomic(facts.size)
        properties = facts.properties
    }

    /// Opens a path, and makes a device of what it names.
    public convenience init(path: String, options: Options) throws(SystemError) {
        let file = try Files.open(path, options.isWritable ? .readWrite : .readOnly)
        try self.init(file, options: options)
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try check(range)
        try checkWhole()
        let got = BlockIO.read(file.raw, at: offset, into: buffer)
        if got == buffer.count { return }
        if got < 0 { throw error(got, range, "pread") }
        throw foundCut()
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        try checkWhole()
        if options.contains(.forceUnitAccess) { return try writeThrough(range, buffer) }
        let put = BlockIO.write(file.raw, at: offset, from: buffer, durable: false)
        if put < 0 { throw error(put, range, "pwrite") }
    }

    private func writeThrough(
        _ range: BlockRange, _ buffer: UnsafeRawBufferPointer
    ) throws(BlockError) {
        if has(.synchronousWrite) {
            try checkNothingLost()
            var isUndecided = false
            let failure = turns.force { () -> BlockError? in
                let put = BlockIO.write(file.raw, at: range.offset, from: buffer, durable: true)
                if put >= 0 { return nil }
                switch BlockIO.meaning(of: put) {
                case .unsupported: lacks(.synchronousWrite)
                // No room for the write itself, most likely, which loses nothing: the two steps
                // tell.
                case .noSpace: break
                default: return loses(put, range, "pwritev2")
                }
                isUndecided = true
                return nil
            }
            if let failure { throw failure }
            // Another call may have been told of what this one was not.
            if !isUndecided { return try checkNothingLost() }
        }
        let put = BlockIO.write(file.raw, at: range.offset, from: buffer, durable: false)
        if put < 0 { throw error(put, range, "pwrite") }
        try flush()
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        try checkNothingLost()
        try checkWhole()
        guard can(.write) else { return }
        var failure: BlockError?
        turns.sync {
            let result = BlockIO.sync(file.raw)
            guard result < 0 else { return }
            failure = loses(result, BlockRange(offset: 0, length: size), "fdatasync")
        }
        if let failure { throw failure }
        try checkNothingLost()
        // One call beside a sync costs nothing, and finds a file that became shorter.
        if !isBlockDevice, let status = try? Files.status(file), status.size < size {
            throw foundCut()
        }
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { observers.add(observer) }

    /// Looks how large the file is now; tells the observers where that has changed.
    ///
    /// To be called when it has been made larger or, by whoever knows that nobody needs the rest,
    /// smaller. Blocks briefly.
    public func refreshSize() throws(SystemError) {
        let now = try Files.geometry(file).size
        let before = currentSize.exchange(now, ordering: .acquiringAndReleasing)
        if before != now { observers.tell(now) }
    }

    /// The same, but for a file that has become smaller: that is cut, not shrunk.
    ///
    /// Only whole units of 4096 bytes count, of which a disk is made.
    public func noteGrowth() throws(SystemError) {
        let now = try Files.geometry(file).size & ~4095
        guard now > size, !isCut.load(ordering: .relaxed) else { return }
        currentSize.store(now, ordering: .releasing)
        observers.tell(now)
    }
}

extension FileDevice {
    /// Turns a failed call into the seam's error.
    func error(_ result: Int, _ range: BlockRange, _ call: String) -> BlockError {
        let error = BlockIO.error(result, call)
        switch BlockIO.meaning(of: result) {
        case .noSpace: return .noSpace(range)
        case .gone: return .gone("\(error)")
        case .unsupported: return .notSupported("\(error)")
        case .medium, .wouldWait: return .medium(range, error)
        }
    }

    /// Remembers that acknowledged writes may be lost.
    private func loses(_ result: Int, _ range: BlockRange, _ call: String) -> BlockError {
        lost.withLock { $0 = $0 ?? BlockIO.error(result, call) }
        hasLost.store(true, ordering: .releasing)
        return error(result, range, call)
    }

    private func checkNothingLost() throws(BlockError) {
        guard hasLost.load(ordering: .acquiring), let error = lost.withLock({ $0 }) else { return }
        throw .gone("a flush failed (\(error)), and what was written before it may be lost")
    }

    /// Throws where the file is known to be cut.
    func checkWhole() throws(BlockError) {
        if isCut.load(ordering: .relaxed) { throw Self.cut }
    }

    /// The file has ended before the device does.
    func foundCut() -> BlockError {
        isCut.store(true, ordering: .relaxed)
        return Self.cut
    }

    private static let cut = BlockError.gone("another program cut the file shorter")

    /// Whether a way of doing things may exist.
    func has(_ way: FileWays) -> Bool { missing.load(ordering: .relaxed) & way.rawValue == 0 }

    /// Remembers that it does not.
    func lacks(_ way: FileWays) { missing.bitwiseOr(way.rawValue, ordering: .relaxed) }
}

/// Ways of doing things that not every file system has.
enum FileWays: UInt8 {
    /// pwritev2(2) with RWF_DSYNC.
    case synchronousWrite = 1
    /// fallocate(2) with FALLOC_FL_PUNCH_HOLE.
    case punch = 2
    /// fallocate(2) with FALLOC_FL_ZERO_RANGE.
    case zeroRange = 4
    /// BLKDISCARD.
    case discard = 8
    /// lseek(2) with SEEK_DATA.
    case seekData = 16
    /// BLKZEROOUT.
    case zeroOut = 32
    /// pwritev2(2) with RWF_NOWAIT into the page cache.
    case writeNow = 64
}
