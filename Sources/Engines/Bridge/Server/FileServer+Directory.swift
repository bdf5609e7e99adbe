import CFUSE
import Glibc
import NFSWire

extension FileServer {
    /// Entries of one folder before it counts as endless.
    private static let entryLimit = 20_000_000
    /// Bytes of names and of listing asked for at once.
    private static let nameBytes: UInt32 = 1 << 15
    private static let listingBytes: UInt32 = 1 << 17

    /// FUSE_OPENDIR: the listing is asked for at once, since it will be read.
    func openDirectory(_ message: FuseMessage) {
        guard nodes[message.node] != nil else { return fail(message.unique, ESTALE) }
        let stream = DirectoryStream()
        var opened = fuse_open_out()
        opened.fh = directories.insert(stream)
        opened.open_flags = UInt32(FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR)
        if device?.reply(message.unique, opened) != true { _ = directories.remove(opened.fh) }
    }

    /// FUSE_RELEASEDIR.
    func releaseDirectory(_ message: FuseMessage) {
        if let input = message.argument(fuse_release_in.self) { _ = directories.remove(input.fh) }
        fail(message.unique, 0)
    }

    /// FUSE_READDIR and FUSE_READDIRPLUS.
    func readDirectory(_ message: FuseMessage, plus: Bool) {
        guard let node = node(of: message), let input = message.argument(fuse_read_in.self)
        else { return }
        guard let stream = directories[input.fh] else { return fail(message.unique, EBADF) }
        let wanted = DirectoryRequest(
            unique: message.unique, number: message.node, handle: node.handle,
            export: node.export, cookie: input.offset, size: Int(input.size), plus: plus)
        serve(wanted, from: stream, attempts: 0)
    }

    private func serve(_ wanted: DirectoryRequest, from stream: DirectoryStream, attempts: Int) {
        if let index = stream.index(behind: wanted.cookie),
            stream.hasAttributes || !wanted.plus || stream.listing.entries.isEmpty
        {
            return answer(wanted, stream, from: index)
        }
        // A server that sends nothing new again and again is not asked for ever.
        guard attempts < 64, stream.fetched < Self.entryLimit else {
            return fail(wanted.unique, EIO)
        }
        if stream.coming != nil {
            return stream.waiters.append { [unowned self] in
                serve(wanted, from: stream, attempts: attempts + 1)
            }
        }
        fetch(wanted.handle, stream, behind: wanted.cookie, plus: wanted.plus) {
            [unowned self] errno, skipTo in
            if errno != 0 { return fail(wanted.unique, errno) }
            var wanted = wanted
            if let skipTo { wanted.cookie = skipTo }
            serve(wanted, from: stream, attempts: attempts + 1)
        }
    }

    /// Fetches the next part of a listing; gives an errno, and where to go on if all of the part
    /// was left out.
    private func fetch(
        _ handle: FileHandle, _ stream: DirectoryStream, behind cookie: UInt64, plus: Bool,
        _ body: @escaping (_ errno: Int32, _ skipTo: UInt64?) -> Void
    ) {
        let verifier = cookie == 0 ? 0 : stream.listing.verifier
        let asked = changes.moment
        stream.coming = cookie
        let finish = { [unowned self] (outcome: Outcome<DirectoryListing>) in
            stream.coming = nil
            switch outcome {
            case .failed(let errno): body(errno, nil)
            case .done(let listing):
                // No progress: the same cookie again, or nothing and yet no end.
                let isStuck =
                    !listing.isEnd && (listing.lastCookie == nil || listing.lastCookie == cookie)
                if isStuck {
                    log("a folder's listing does not go on")
                    body(EIO, nil)
                } else {
                    stream.take(listing, from: cookie, hasAttributes: plus, asked: asked)
                    body(0, listing.entries.isEmpty && !listing.isEnd ? listing.lastCookie : nil)
                }
            }
            let waiters = stream.waiters
            stream.waiters = []
            for waiter in waiters { waiter() }
        }
        if plus {
            call(
                .readDirectoryPlus(
                    handle, cookie: cookie, verifier: verifier, nameBytes: Self.nameBytes,
                    count: Self.listingBytes), as: NFSListingPlusReply.self
            ) { finish($0.map(\.listing)) }
        } else {
            call(
                .readDirectory(
                    handle, cookie: cookie, verifier: verifier, count: Self.nameBytes),
                as: NFSListingReply.self
            ) { finish($0.map(\.listing)) }
        }
    }

    /// Answers with as many entries as fit.
    private func answer(_ wanted: DirectoryRequest, _ stream: DirectoryStream, from first: Int) {
        let listing = stream.listing
        // What was fetched before names came or went is told as names alone.
        let isOld = changes.hasChanged(wanted.handle, since: stream.asked)
        var told: [UInt64] = []
        var index = first
        var isDelivered = false
        withUnsafeTemporaryAllocation(byteCount: min(wanted.size, 1 << 20), alignment: 8) {
            var page = DirectoryPage($0)
            while index < listing.entries.count {
                let entry = listing.entries[index]
                let name = listing.names[entry.name]
                if !Self.isHidden(name) {
                    let isTold =
                        wanted.plus
                        ? append(entry, name, wanted.export, &page, isOld ? nil : stream.asked)
                        : .plain(
                            page.append(
                                inode: inode(entry, wanted.export), cookie: entry.cookie,
                                mode: kind(entry), name: name))
                    if case .full = isTold { break }
                    if case .plain(false) = isTold { break }
                    if case .told(let number) = isTold { told.append(number) }
                }
                index += 1
            }
            isDelivered = device?.reply(wanted.unique, bytes: page.bytes) ?? false
        }
        stream.expect(index)
        if !isDelivered { for number in told { nodes.forget(number, 1) } }
    }

    private enum Appended {
        case full
        case plain(Bool)
        case told(UInt64)
    }

    /// Appends an entry with its attributes; without them where the server did not send them, for
    /// the folder itself and its parent, and where they may be old: the kernel then asks.
    ///
    /// - Parameter asked: when they were asked for; nil where none are to be trusted.
    private func append(
        _ entry: DirectoryEntry, _ name: ArraySlice<UInt8>, _ export: Int,
        _ page: inout DirectoryPage, _ asked: UInt64?
    ) -> Appended {
        guard page.hasRoom(name.count, plus: true) else { return .full }
        let isDots = name.elementsEqual([0x2e]) || name.elementsEqual([0x2e, 0x2e])
        guard let attributes = entry.attributes, let handle = entry.handle, !isDots,
            let asked, !changes.isOld(attributes, of: handle, asked: asked)
        else {
            return .plain(
                page.append(
                    inode: isDots ? entry.fileID : inode(entry, export), cookie: entry.cookie,
                    mode: isDots ? UInt32(S_IFDIR) : kind(entry), name: name,
                    entry: fuse_entry_out()))
        }
        let known = self.entry(handle, export, attributes)
        _ = page.append(
            inode: known.attr.ino, cookie: entry.cookie, mode: known.attr.mode, name: name,
            entry: known)
        return .told(known.nodeid)
    }

    private func kind(_ entry: DirectoryEntry) -> UInt32 {
        entry.attributes.map { shownKind($0.type) } ?? 0
    }

    private func inode(_ entry: DirectoryEntry, _ export: Int) -> UInt64 {
        entry.attributes.map { inode($0, export) } ?? entry.fileID
    }
}

/// A request for part of a folder.
struct DirectoryRequest {
    var unique: UInt64
    var number: UInt64
    var handle: FileHandle
    var export: Int
    var cookie: UInt64
    var size: Int
    var plus: Bool
}

extension Outcome {
    /// The same outcome with another value.
    func map<Other>(_ body: (Value) -> Other) -> Outcome<Other> {
        switch self {
        case .done(let value): .done(body(value))
        case .failed(let errno): .failed(errno: errno)
        }
    }
}
