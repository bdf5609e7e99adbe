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
    /// The longest range that a server is asked about, in bytes: fits 32 bits, and is a multiple of
    /// every block size.
    private static let statusLimit: UInt64 = 1 << 30
    /// What image formats allocate at a time, as a rule, in bytes.
    private static let usualCluster: UInt64 = 64 << 10
    /// The longest content of a request, in bytes, whatever the server takes.
    private static let contentLimit: UInt64 = 8 << 20

    /// See `BlockDevice`.
    public let size: UInt64
    /// See `BlockDevice`.
    public let properties: BlockProperties

    let export: NBDExport
    let pool: NBDPool
    /// The server's blocks: a byte where it takes any range.
    let unit: BlockUnit
    /// The longest content of a request, in bytes.
    let contentLimit: UInt64
    /// Only where the server's blocks are larger than a byte.
    let writers = BlockRangeLock()

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
            unit = BlockUnit(bytes: UInt64(export.sizes.minimum))
            size = unit.roundedDown(export.info.size)
            contentLimit = max(
                unit.bytes,
                unit.roundedDown(min(Self.contentLimit, UInt64(export.sizes.maximum))))
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
        if !unit.divides(range) { return try readAround(range, into: buffer) }
        for piece in range.pieces(limit: contentLimit) {
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
            if unit.divides(range) {
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
        try give(unit.inner(of: range), .trim, forced(options))
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
            let inner = unit.inner(of: range)
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
        let outer = unit.outer(of: range)
        let asked = BlockRange(
            offset: outer.offset, length: min(outer.length, Self.statusLimit))
        let found = try pool.use(asked) { connection, deadline throws(NBDFailure) in
            try connection.status(
                offset: asked.offset, length: asked.length, context: context,
                flags: limit == 1 ? .requestOne : [], limit: 1 << 16, deadline: deadline)
        }
        return Self.extents(found, from: asked.offset, within: range, limit: max(1, limit))
    }
}
