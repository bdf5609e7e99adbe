public import BlockDevice
import NBDWire
import Platform

/// A disk behind an NBD server on a Unix socket: the storage daemon's images of every format.
///
/// Source: doc/proto.md of NetworkBlockDevice/nbd; fixed newstyle, structured replies and block
/// status where the server has them. Several connections where the server says that a flush on one
/// covers them all, one otherwise; a request has one of them to itself. The server is not trusted.
/// A request that is not answered in time, and any failure of a connection, makes the device `gone`
/// for good; what waits for a disk to have everything has a longer time of its own. Any thread.
public final class NBDDevice: BlockDevice {
    /// How a device is used.
    public struct Options: Sendable {
        /// The export's name; empty for the server's default.
        public var export: String
        /// Whether it may be written, where the server allows it.
        public var isWritable: Bool
        /// The most connections: 1 to 64.
        public var connections: Int
        /// How long a request, or connecting, may take, in milliseconds.
        public var timeoutMilliseconds: Int64
        /// How long a flush or a forced write may take, in milliseconds: a slow disk may have
        /// gigabytes to write until then.
        public var flushTimeoutMilliseconds: Int64
        /// What initiators are told; 512 or 4096.
        public var logicalBlockSize: UInt32

        /// Collects the options.
        public init(
            export: String = "", isWritable: Bool, connections: Int = 8,
            timeoutMilliseconds: Int64 = 30_000, flushTimeoutMilliseconds: Int64 = 600_000,
            logicalBlockSize: UInt32 = 512
        ) {
            self.export = export
            self.isWritable = isWritable
            self.connections = connections
            self.timeoutMilliseconds = timeoutMilliseconds
            self.flushTimeoutMilliseconds = flushTimeoutMilliseconds
            self.logicalBlockSize = logicalBlockSize
        }
    }

    /// The longest range that a server is asked about, in bytes: fits 32 bits, and is a multiple of
    /// every block size.
    private static let statusLimit: UInt64 = 1 << 30
    /// The longest range of a change without content, in bytes: a server that has to write it out
    /// needs less than the time for a request.
    ///
    /// A multiple of every block size, too.
    private static let rangeLimit: UInt64 = 64 << 20
    /// What image formats allocate at a time, as a rule, in bytes.
    private static let usualCluster: UInt64 = 64 << 10
    /// The longest content of a request, in bytes, whatever the server takes.
    private static let contentLimit: UInt64 = 8 << 20

    /// See `BlockDevice`.
    public let size: UInt64
    /// See `BlockDevice`.
    public let properties: BlockProperties

    let export: NBDExport
    private let pool: NBDPool
    /// Only where the server's blocks are larger than a byte.
    private let writers = BlockRangeLock()

    /// Connects to a server's Unix socket and asks for an export.
    ///
    /// Blocks, at most for the time of the options.
    public init(path: String, options: Options) throws(NBDError) {
        let deadline = Clock.nanoseconds() + options.timeoutMilliseconds * 1_000_000
        do {
            let first = try NBDConnection(path: path)
            let export = try first.negotiate(export: options.export, deadline: deadline)
            var connections = [first]
            let count = export.info.flags.contains(.canMultiConn) ? options.connections : 1
            while connections.count < min(max(1, count), 64) {
                // A server with fewer places than we would like is no error.
                guard let next = try? NBDConnection(path: path),
                    let other = try? next.negotiate(export: options.export, deadline: deadline)
                else { break }
                guard other == export else { throw NBDFailure.broken("another export") }
                connections.append(next)
            }
            self.export = export
            pool = NBDPool(
                connections, timeoutMilliseconds: options.timeoutMilliseconds,
                flushTimeoutMilliseconds: options.flushTimeoutMilliseconds)
            size = export.info.size & ~UInt64(export.sizes.minimum - 1)
            properties = Self.properties(export, options, connections: connections.count)
        } catch { throw .ofHandshake(error) }
    }

    private static func properties(
        _ export: NBDExport, _ options: Options, connections: Int
    ) -> BlockProperties {
        let flags = export.info.flags
        let logical = max(options.logicalBlockSize, export.sizes.minimum)
        var properties = BlockProperties(
            logicalBlockSize: logical,
            physicalBlockSize: max(logical, min(export.sizes.preferred, 4096)),
            parallelism: connections)
        if export.allocation != nil { properties.capabilities.insert(.extents) }
        guard options.isWritable, !flags.contains(.readOnly) else { return properties }
        properties.capabilities.insert(.write)
        if flags.contains(.sendFlush) { properties.capabilities.insert(.volatileCache) }
        if flags.contains(.sendFUA) { properties.capabilities.insert(.forceUnitAccess) }
        if flags.contains(.sendTrim) {
            properties.capabilities.insert(.trim)
            properties.trimGranularity = max(export.sizes.preferred, logical)
        }
        // Fast zeros are not promised: QEMU offers them for every format and refuses some.
        return properties
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try check(range)
        if !isAligned(range) { return try readAround(range, into: buffer) }
        for piece in pieces(of: range, limit: contentLimit) {
            let start = Int(piece.offset - offset)
            let place = UnsafeMutableRawBufferPointer(
                rebasing: buffer[start..<start + Int(piece.length)])
            try pool.use(piece) { connection, deadline throws(NBDFailure) in
                try connection.read(at: piece.offset, into: place, deadline: deadline)
            }
        }
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        try alone(with: range) { () throws(BlockError) in
            if isAligned(range) {
                try store(range, buffer, options)
            } else {
                try writeAround(range, options) { place in place.copyMemory(from: buffer) }
            }
        }
        try finish(options, range)
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        guard can(.volatileCache) else { return }
        try pool.use(BlockRange(offset: 0, length: size), flushes: true) {
            connection, deadline throws(NBDFailure) in
            try connection.change(.flush, offset: 0, length: 0, flags: [], deadline: deadline)
        }
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        guard can(.trim) else { return }
        // Parts of the server's blocks stay: it is a hint.
        try give(inner(of: range), .trim, forced(options))
        try finish(options, range)
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        guard range.length > 0 else { return }
        let flags = export.info.flags
        guard flags.contains(.sendWriteZeroes) else {
            return try writeZeroesAsData(range, options: options)
        }
        var how: NBDCommandFlags = forced(options)
        if !options.contains(.mayTrim) { how.insert(.noHole) }
        if options.contains(.onlyIfFast) {
            // QEMU does the parts of a range one by one: a part of a cluster could be refused after
            // the others have changed, so only whole ones of the usual size are tried.
            guard flags.contains(.sendFastZero),
                (range.offset | range.length) % Self.usualCluster == 0
            else { throw .notSupported("writing zeros fast") }
            how.insert(.fastZero)
        }
        try alone(with: range) { () throws(BlockError) in
            let inner = inner(of: range)
            try give(inner, .writeZeroes, how)
            for edge in [
                BlockRange(offset: range.offset, length: inner.offset - range.offset),
                BlockRange(offset: inner.end, length: range.end - inner.end),
            ] where edge.length > 0 {
                try writeAround(edge, options) { place in
                    place.initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
        }
        try finish(options, range)
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        guard range.length > 0 else { return [] }
        guard let context = export.allocation else { return [.data(range.length)] }
        let outer = outer(of: range)
        let asked = BlockRange(
            offset: outer.offset, length: min(outer.length, Self.statusLimit))
        let found = try pool.use(asked) { connection, deadline throws(NBDFailure) in
            try connection.status(
                offset: asked.offset, length: asked.length, context: context,
                flags: limit == 1 ? .requestOne : [], limit: 1 << 16, deadline: deadline)
        }
        var extents: [BlockExtent] = []
        var place = asked.offset
        for descriptor in found where extents.count < max(1, limit) && place < range.end {
            let end = descriptor.length > range.end - place ? range.end : place + descriptor.length
            let start = max(place, range.offset)
            place = end
            guard end > start else { continue }
            let flags = NBDAllocation(rawValue: descriptor.flags)
            extents.append(
                BlockExtent(
                    length: end - start, isAllocated: !flags.contains(.hole),
                    readsZero: flags.contains(.zero)))
        }
        return extents
    }
}

extension NBDDevice {
    private var unit: UInt64 { UInt64(export.sizes.minimum) }
    private var contentLimit: UInt64 {
        max(unit, min(Self.contentLimit, UInt64(export.sizes.maximum)) & ~(unit - 1))
    }

    private func isAligned(_ range: BlockRange) -> Bool {
        (range.offset | range.length) & (unit - 1) == 0
    }

    /// The server's blocks that a range touches.
    private func outer(of range: BlockRange) -> BlockRange {
        let start = range.offset & ~(unit - 1)
        return BlockRange(offset: start, length: ((range.end + unit - 1) & ~(unit - 1)) - start)
    }

    /// The server's blocks that a range covers; empty at its start where there is none.
    private func inner(of range: BlockRange) -> BlockRange {
        let start = (range.offset + unit - 1) & ~(unit - 1)
        let end = range.end & ~(unit - 1)
        guard start < end else { return BlockRange(offset: range.offset, length: 0) }
        return BlockRange(offset: start, length: end - start)
    }

    private func pieces(
        of range: BlockRange, limit: UInt64
    ) -> some Sequence<BlockRange> {
        stride(from: range.offset, to: range.end, by: UInt64.Stride(limit)).lazy.map { offset in
            BlockRange(offset: offset, length: min(limit, range.end - offset))
        }
    }

    /// Lets overlapping changes wait for each other where blocks may have to be written back.
    private func alone(
        with range: BlockRange, _ body: () throws(BlockError) -> Void
    ) throws(BlockError) {
        let outer = outer(of: range)
        if unit == 1 || outer.length == 0 { return try body() }
        try writers.hold(outer.offset..<outer.end, body)
    }

    /// The flag for forced unit access, where the server has it.
    private func forced(_ options: BlockWriteOptions) -> NBDCommandFlags {
        options.contains(.forceUnitAccess) && can(.forceUnitAccess) ? .fua : []
    }

    /// Flushes for a server that has no forced unit access.
    private func finish(_ options: BlockWriteOptions, _ range: BlockRange) throws(BlockError) {
        guard options.contains(.forceUnitAccess), !can(.forceUnitAccess), range.length > 0 else {
            return
        }
        try flush()
    }

    /// Writes whole blocks.
    private func store(
        _ range: BlockRange, _ buffer: UnsafeRawBufferPointer, _ options: BlockWriteOptions
    ) throws(BlockError) {
        let flags = forced(options)
        for piece in pieces(of: range, limit: contentLimit) {
            let start = Int(piece.offset - range.offset)
            let content = UnsafeRawBufferPointer(
                rebasing: buffer[start..<start + Int(piece.length)])
            try pool.use(piece, flushes: flags.contains(.fua)) {
                connection, deadline throws(NBDFailure) in
                try connection.change(
                    .write, offset: piece.offset, length: piece.length, flags: flags,
                    content: content, deadline: deadline)
            }
        }
    }

    /// Does a change without content, a piece at a time.
    ///
    /// Where a later piece turns out not to be fast, it is written nevertheless: the first has
    /// changed something already.
    private func give(
        _ range: BlockRange, _ command: NBDCommand, _ flags: NBDCommandFlags
    ) throws(BlockError) {
        var flags = flags
        for piece in pieces(of: range, limit: Self.rangeLimit) {
            try pool.use(piece, flushes: flags.contains(.fua)) {
                connection, deadline throws(NBDFailure) in
                try connection.change(
                    command, offset: piece.offset, length: piece.length, flags: flags,
                    deadline: deadline)
            }
            flags.remove(.fastZero)
        }
    }

    /// Reads the blocks around a range, and copies it out.
    private func readAround(
        _ range: BlockRange, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let outer = outer(of: range)
        let bounce = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(outer.length), alignment: 4096)
        defer { bounce.deallocate() }
        try read(at: outer.offset, into: bounce)
        let start = Int(range.offset - outer.offset)
        buffer.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bounce[start..<start + buffer.count]))
    }

    /// Reads the blocks around a range, changes it and writes them back.
    private func writeAround(
        _ range: BlockRange, _ options: BlockWriteOptions,
        _ change: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(BlockError) {
        let outer = outer(of: range)
        let bounce = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(outer.length), alignment: 4096)
        defer { bounce.deallocate() }
        try read(at: outer.offset, into: bounce)
        let start = Int(range.offset - outer.offset)
        change(
            UnsafeMutableRawBufferPointer(rebasing: bounce[start..<start + Int(range.length)]))
        try store(outer, UnsafeRawBufferPointer(bounce), options)
    }
}
