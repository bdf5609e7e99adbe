public import Bytes

/// One name in a folder, as the server listed it.
public struct DirectoryEntry: Sendable {
    /// Where its name lies in the listing's `names`.
    public let name: Range<Int>
    /// Where to go on behind this entry.
    public let cookie: UInt64
    /// The file's number.
    public let fileID: UInt64
    /// The file's attributes, where the server says.
    public let attributes: NFSAttributes?
    /// The file, where the server says.
    public let handle: FileHandle?
}

/// Part of a folder: READDIR or READDIRPLUS.
///
/// RFC 1813, sections 3.3.16 and 3.3.17.
///
/// Only names that a Linux folder can hold are kept: 1 to 255 bytes without `/` and NUL.
public struct DirectoryListing: Sendable {
    /// To be sent back with the next call.
    public private(set) var verifier: UInt64 = 0
    /// The entries in the server's order.
    public private(set) var entries: [DirectoryEntry] = []
    /// All names, one behind the other.
    public private(set) var names: [UInt8] = []
    /// Whether the folder ends here.
    public private(set) var isEnd = false
    /// Entries left out because their name is not legal.
    public private(set) var refused = 0
    /// Where to go on behind the last entry, those left out included; nil where there was none.
    public private(set) var lastCookie: UInt64?

    /// Makes an empty listing.
    public init() {}

    private mutating func append(
        _ name: UnsafeRawBufferPointer, _ cookie: UInt64, _ fileID: UInt64,
        _ attributes: NFSAttributes?, _ handle: FileHandle?
    ) {
        lastCookie = cookie
        guard Self.isLegal(name) else {
            refused += 1
            return
        }
        let start = names.count
        names.append(contentsOf: name)
        entries.append(
            DirectoryEntry(
                name: start..<names.count, cookie: cookie, fileID: fileID,
                attributes: attributes, handle: handle))
    }

    private static func isLegal(_ name: UnsafeRawBufferPointer) -> Bool {
        guard !name.isEmpty, name.count <= NFSLimits.name else { return false }
        return name.allSatisfy { $0 != 0 && $0 != 0x2f }
    }
}

/// READDIR.
public struct NFSListingReply: NFSReply {
    /// What was listed.
    public let listing: DirectoryListing

    /// Decodes READDIR3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        listing = try DirectoryListing(&reader, withAttributes: false)
    }
}

/// READDIRPLUS.
public struct NFSListingPlusReply: NFSReply {
    /// What was listed.
    public let listing: DirectoryListing

    /// Decodes READDIRPLUS3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        listing = try DirectoryListing(&reader, withAttributes: true)
    }
}

extension DirectoryListing {
    /// Longest run of bytes taken as a name, before it is judged.
    private static let foreignNameLimit = 4096

    init(_ reader: inout XDRReader, withAttributes: Bool) throws(BytesError) {
        _ = try reader.optionalAttributes()
        verifier = try reader.long()
        // Every entry takes at least 24 bytes of a message whose length is bounded.
        while try reader.flag() {
            let fileID = try reader.long()
            let name = try reader.opaque(limit: Self.foreignNameLimit)
            let cookie = try reader.long()
            if withAttributes {
                let attributes = try reader.optionalAttributes()
                append(name, cookie, fileID, attributes, try reader.optionalHandle())
            } else {
                append(name, cookie, fileID, nil, nil)
            }
        }
        isEnd = try reader.flag()
    }
}
