import NFSWire

/// Which files and folders were changed lately, so that what was fetched before is not told after.
///
/// A listing is fetched in large parts and told in small ones. The kernel believes what it is told
/// from the moment it asks, for a day: a file that was changed between the two must not be told as
/// it was. One thread; bounded: what it no longer remembers counts as changed.
struct ChangeLog {
    /// Most files that are remembered in each of the two halves.
    static let limit = 4096

    private var recent: [FileHandle: UInt64] = [:]
    private var older: [FileHandle: UInt64] = [:]
    /// Anything may have changed up to this moment.
    private var floor: UInt64 = 0
    /// The last change in `older`.
    private var olderEnd: UInt64 = 0
    private var lastRemoval: UInt64 = 0
    /// Counts changes: a moment between them.
    private(set) var moment: UInt64 = 0

    /// A file, or a folder's names, may just have changed.
    mutating func note(_ handle: FileHandle) {
        moment += 1
        recent[handle] = moment
        guard recent.count >= Self.limit else { return }
        floor = max(floor, olderEnd)
        older = recent
        olderEnd = moment
        recent = [:]
    }

    /// A name was removed: the file that it led to has one less, whichever it was.
    mutating func noteRemoval() {
        moment += 1
        lastRemoval = moment
    }

    /// Anything may just have changed.
    mutating func noteAll() {
        moment += 1
        floor = moment
    }

    /// Whether a file, or a folder's names, may have changed since a moment.
    func hasChanged(_ handle: FileHandle, since asked: UInt64) -> Bool {
        guard moment > asked else { return false }
        return floor > asked || recent[handle] ?? older[handle] ?? 0 > asked
    }

    /// Whether a file is no longer as these attributes say, which were asked for at a moment.
    func isOld(_ attributes: NFSAttributes, of handle: FileHandle, asked: UInt64) -> Bool {
        guard moment > asked else { return false }
        let mayHaveFewerNames = attributes.type != .directory && attributes.links > 1
        return hasChanged(handle, since: asked) || mayHaveFewerNames && lastRemoval > asked
    }
}
