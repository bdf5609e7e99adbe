public import Platform

/// A range of an open source: a whole disk or one partition.
///
/// A value; any thread. Reads block.
public struct Window: Sendable {
    /// The source.
    public let descriptor: OwnedFD
    /// First byte, from the start of the source.
    public let offset: UInt64
    /// Length in bytes.
    public let length: UInt64

    /// The longest single read, in bytes.
    static let readLimit = 1 << 20

    /// A range; the caller has made sure that it lies inside the source.
    public init(_ descriptor: OwnedFD, offset: UInt64, length: UInt64) {
        self.descriptor = descriptor
        self.offset = offset
        self.length = length
    }

    /// Reads exactly `count` bytes at `place`; nil where they lie outside or cannot be read.
    public func read(_ place: UInt64, _ count: Int) -> [UInt8]? {
        guard count >= 0, count <= Self.readLimit, place <= length,
            UInt64(count) <= length - place,
            let bytes = try? Files.read(descriptor, at: offset + place, count: count),
            bytes.count == count
        else { return nil }
        return bytes
    }

    /// A stand-in in memory that begins like the window, as far as one read goes, and is longer.
    func padded(to length: UInt64) -> Window? {
        guard let head = read(0, Int(min(self.length, UInt64(Self.readLimit)))),
            let file = try? MemoryFile.make(named: "disk", content: head, size: length)
        else { return nil }
        return Window(file, offset: 0, length: length)
    }

    /// The window, or a stand-in where it is so small that libblkid would not look at it.
    var probeable: Window { length <= 1024 ? padded(to: 2048) ?? self : self }

    /// A window into this window; cut at its end, nil where it would begin past it.
    func part(offset inner: UInt64, length wanted: UInt64) -> Window? {
        guard inner < length else { return nil }
        return Window(descriptor, offset: offset + inner, length: min(wanted, length - inner))
    }
}
