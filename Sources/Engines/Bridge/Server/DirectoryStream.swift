import NFSWire

/// One open folder: the part of its listing that was fetched last.
///
/// One thread.
final class DirectoryStream {
    /// The entries, and the cookie they begin behind.
    private(set) var listing = DirectoryListing()
    private(set) var start: UInt64?
    /// Whether the listing carries attributes.
    private(set) var hasAttributes = false
    /// The moment at which it was asked for; see `ChangeLog`.
    private(set) var asked: UInt64 = 0
    /// Where the next call will probably go on.
    private var hint = 0
    /// Whether part of the listing was told: whoever then starts again wants a new one.
    private var isTold = false
    /// A listing that is on its way: the cookie it begins behind.
    var coming: UInt64?
    /// Requests that wait for it.
    var waiters: [() -> Void] = []
    /// Entries fetched since the start of the folder.
    private(set) var fetched = 0

    /// Takes a listing that begins behind a cookie.
    func take(
        _ new: DirectoryListing, from cookie: UInt64, hasAttributes: Bool, asked: UInt64
    ) {
        if cookie == 0 { fetched = 0 }
        fetched += new.entries.count + new.refused
        listing = new
        start = cookie
        self.hasAttributes = hasAttributes
        self.asked = asked
        hint = 0
        isTold = false
    }

    /// Index of the first entry behind a cookie; nil where the listing does not reach there.
    ///
    /// The end of the listing counts as its last index plus one, if the folder ends there.
    func index(behind cookie: UInt64) -> Int? {
        guard let start, cookie != 0 || !isTold else { return nil }
        let entries = listing.entries
        var found: Int?
        if cookie == start {
            found = 0
        } else if hint > 0, hint <= entries.count, entries[hint - 1].cookie == cookie {
            found = hint
        } else if let place = entries.firstIndex(where: { $0.cookie == cookie }) {
            found = place + 1
        } else if cookie == listing.lastCookie {
            found = entries.count
        }
        guard let found, found < entries.count || listing.isEnd else { return nil }
        return found
    }

    /// Remembers where the next call will probably go on.
    func expect(_ index: Int) {
        hint = index
        isTold = true
    }
}
