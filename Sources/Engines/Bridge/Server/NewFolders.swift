/// What is known to be in folders that were made through this bridge: nothing but what was put
/// there since.
///
/// A name that was never put into such a folder is not there, and the server need not be asked:
/// one call less for every file of an archive that is unpacked. A name that was removed again
/// still counts as put there. One thread; bounded.
struct NewFolders {
    /// Bounds of what is remembered.
    enum Limits {
        static let folders = 256
        static let names = 1 << 14
    }

    /// A folder, by its number and generation.
    struct Folder: Hashable {
        var number: UInt64
        var generation: UInt32
    }

    private var names: [Folder: Set<[UInt8]>] = [:]
    private var order: [Folder] = []

    /// A folder was made, and is empty.
    mutating func add(_ folder: Folder) {
        if order.count == Limits.folders { drop(order[0]) }
        if names.updateValue([], forKey: folder) == nil { order.append(folder) }
    }

    /// A name is about to be put into a folder.
    mutating func put(_ name: [UInt8], into folder: Folder) {
        guard names[folder] != nil else { return }
        names[folder]?.insert(name)
        if names[folder]?.count == Limits.names { drop(folder) }
    }

    /// Whether a name is known not to be in a folder.
    func lacks(_ name: [UInt8], in folder: Folder) -> Bool {
        names[folder].map { !$0.contains(name) } ?? false
    }

    private mutating func drop(_ folder: Folder) {
        names[folder] = nil
        order.removeAll { $0 == folder }
    }
}
