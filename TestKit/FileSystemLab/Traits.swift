/// What a file system can hold: what its trees may contain, and what comparisons may expect.
public struct Traits: Sendable {
    /// How times of files are kept.
    public enum Times: Sendable, Equatable {
        /// Not at all.
        case none
        /// As multiples of this many nanoseconds, rounded down.
        case granularity(nanoseconds: Int64)
    }

    /// How permissions of files are kept.
    public enum Modes: Sendable, Equatable {
        /// Not at all.
        case none
        /// Whether anybody may execute it, and nothing else.
        case executableOnly
        /// All twelve bits.
        case exact
    }

    /// Longest name in bytes of UTF-8.
    public var nameBytes = 255
    /// Longest name in UTF-16 units, where that bounds it too.
    public var nameUnits: Int?
    /// Whether names are any bytes, or have to be Unicode.
    public var anyBytes = true
    /// Whether names beyond Unicode's first plane are kept.
    public var beyondBasicPlane = true
    /// Whether names beyond ASCII are kept.
    public var unicode = true
    /// Characters that no name may contain, besides `/`.
    public var forbidden = ""
    /// Whether control characters such as a newline may be in names.
    public var controls = true
    /// Whether names may end in a space or a dot.
    public var trailingDots = true
    /// Whether `a` and `A` are two names.
    public var caseSensitive = true
    /// Symbolic links.
    public var symlinks = true
    /// Longest target of a symbolic link in bytes.
    public var targetBytes = 1000
    /// Hard links.
    public var hardLinks = true
    /// Whether the number of a file's names is told right.
    public var linkCounts = true
    /// Named pipes.
    public var pipes = true
    /// Permissions.
    public var modes = Modes.exact
    /// Times of modification.
    public var times = Times.granularity(nanoseconds: 1)
    /// Earliest and latest time that is kept, seconds since the epoch.
    public var timeRange: ClosedRange<Int64> = 0...4_000_000_000
    /// Extended attributes in the `user` namespace, through the guest's driver.
    public var attributes = false
    /// Whether holes take no space.
    public var sparse = true
    /// Largest file in bytes.
    public var fileBytes: UInt64 = 1 << 43
    /// Which tree: a small one for small file systems.
    public var profile = TreePlan.Profile.standard

    /// Everything that POSIX file systems keep.
    public static let posix = Traits()

    /// A copy with changes.
    public func with(_ change: (inout Traits) -> Void) -> Traits {
        var copy = self
        change(&copy)
        return copy
    }

    /// Whether a name can be kept.
    public func allows(name: [UInt8]) -> Bool {
        guard name.count <= nameBytes else { return false }
        if !controls, name.contains(where: { $0 < 32 || $0 == 127 }) { return false }
        if !trailingDots, name.last == UInt8(ascii: ".") || name.last == UInt8(ascii: " ") {
            return false
        }
        if !unicode, name.contains(where: { $0 >= 128 }) { return false }
        // The first byte of every sequence of four bytes.
        if !beyondBasicPlane, name.contains(where: { $0 >= 0xf0 }) { return false }
        guard let text = String(validating: name, as: UTF8.self) else { return anyBytes }
        if text.contains(where: { forbidden.contains($0) }) { return false }
        return nameUnits.map { text.utf16.count <= $0 } ?? true
    }

    /// A time as the file system gives it back.
    public func kept(nanoseconds: Int64) -> Int64 {
        guard case .granularity(let unit) = times else { return 0 }
        return nanoseconds - nanoseconds % unit
    }
}
