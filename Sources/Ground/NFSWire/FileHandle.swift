/// What a server calls a file: at most 64 bytes that mean something to the server alone.
///
/// RFC 1813, section 2.4 (nfs_fh3). A plain value without storage of its own: any thread.
public struct FileHandle: Hashable, Sendable {
    /// Longest handle, in bytes (NFS3_FHSIZE).
    public static let limit = 64

    private var words: InlineArray<8, UInt64>
    /// Length in bytes.
    public let count: Int

    /// The handle without bytes, which no server gives out.
    public static let none = FileHandle()

    private init() {
        count = 0
        words = InlineArray(repeating: 0)
    }

    /// Copies a handle; nil where it is longer than the limit.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.limit else { return nil }
        count = bytes.count
        words = InlineArray(repeating: 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
    }

    /// Copies a handle; nil where it is longer than the limit.
    public init?(_ bytes: [UInt8]) {
        guard let handle = bytes.withUnsafeBytes({ FileHandle($0) }) else { return nil }
        self = handle
    }

    /// Lends the handle's bytes.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: words) { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// The handle's bytes.
    public var bytes: [UInt8] { withBytes { Array($0) } }

    /// Two handles name the same file where they are equal byte by byte.
    public static func == (left: FileHandle, right: FileHandle) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<8 where left.words[index] != right.words[index] { return false }
        return true
    }

    /// Feeds the handle's bytes.
    public func hash(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
    }
}
