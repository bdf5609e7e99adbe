import Glibc
import NFSWire

extension FileServer {
    /// How many left-over hidden files are removed when an export is first served.
    private static let leftOverLimit = 10_000

    /// A hidden name that is not in use, and was not in use when another bridge served the disk.
    func nextHiddenName(_ export: Int) -> [UInt8] {
        exports[export].hiddenCount += 1
        return hiddenNames + Array(String(exports[export].hiddenCount, radix: 36).utf8)
    }

    /// Gives the hidden folder of an export, made where it is not there; nil where it cannot be.
    func withHiddenFolder(_ export: Int, _ body: @escaping (FileHandle?) -> Void) {
        if let folder = exports[export].hiddenFolder { return body(folder) }
        var attributes = SetAttributes()
        attributes.mode = 0o700
        let root = exports[export].root
        let made = NFSRequest.makeDirectory(root, name: Self.hiddenPrefix, attributes)
        call(made, as: NFSCreateReply.self) { [unowned self] _ in
            // Made now or there already: either way its name leads to it.
            call(.lookup(root, name: Self.hiddenPrefix), as: NFSLookupReply.self) {
                [unowned self] outcome in
                guard case .done(let reply) = outcome, reply.attributes?.type == .directory else {
                    return body(nil)
                }
                exports[export].hiddenFolder = reply.handle
                body(reply.handle)
            }
        }
    }

    /// Removes a hidden file that nobody has open any more.
    func removeHidden(_ hidden: NodeState.Hidden) {
        hiddenRemovals += 1
        call(.remove(hidden.directory, name: hidden.name), as: NFSChangeReply.self) {
            [unowned self] outcome in
            if case .failed(let errno) = outcome, guestFailure == nil {
                log("cannot remove \(String(decoding: hidden.name, as: UTF8.self)): errno \(errno)")
            }
            hiddenRemovals -= 1
            guard hiddenRemovals == 0 else { return }
            let waiters = hiddenWaiters
            hiddenWaiters = []
            for waiter in waiters { waiter() }
        }
    }

    /// Removes all hidden files, and then their folders; nobody has a file open any more, or may.
    func removeAllHidden(_ body: @escaping () -> Void) {
        for state in nodes.states() {
            guard let hidden = state.hidden else { continue }
            state.hidden = nil
            removeHidden(hidden)
        }
        // The server works on several calls at once: the folder is not empty before.
        guard hiddenRemovals == 0 else {
            return hiddenWaiters.append { [unowned self] in removeHiddenFolders(body) }
        }
        removeHiddenFolders(body)
    }

    private func removeHiddenFolders(_ body: @escaping () -> Void) {
        var waiting = 1
        let done = {
            waiting -= 1
            if waiting == 0 { body() }
        }
        for index in exports.indices where exports[index].hiddenFolder != nil {
            waiting += 1
            exports[index].hiddenFolder = nil
            let request = NFSRequest.removeDirectory(exports[index].root, name: Self.hiddenPrefix)
            call(request, as: NFSChangeReply.self) { _ in done() }
        }
        done()
    }

    /// Removes what a bridge that was killed has left: files that had been removed by their user.
    func removeLeftOvers(_ export: Int) {
        let root = exports[export].root
        call(.lookup(root, name: Self.hiddenPrefix), as: NFSLookupReply.self) {
            [unowned self] outcome in
            guard case .done(let reply) = outcome, reply.attributes?.type == .directory else {
                return
            }
            exports[export].hiddenFolder = reply.handle
            removeLeftOvers(in: reply.handle, cookie: 0, verifier: 0, left: Self.leftOverLimit)
        }
    }

    private func removeLeftOvers(
        in folder: FileHandle, cookie: UInt64, verifier: UInt64, left: Int
    ) {
        let request = NFSRequest.readDirectory(
            folder, cookie: cookie, verifier: verifier, count: 1 << 16)
        call(request, as: NFSListingReply.self) { [unowned self] outcome in
            guard case .done(let reply) = outcome else { return }
            let listing = reply.listing
            for entry in listing.entries.prefix(left) {
                let name = Array(listing.names[entry.name])
                guard Self.isHidden(name), !name.starts(with: hiddenNames) else { continue }
                call(.remove(folder, name: name), as: NFSChangeReply.self) { _ in }
            }
            guard !listing.isEnd, let last = listing.lastCookie, last != cookie,
                left > listing.entries.count
            else { return }
            removeLeftOvers(
                in: folder, cookie: last, verifier: listing.verifier,
                left: left - listing.entries.count)
        }
    }
}
