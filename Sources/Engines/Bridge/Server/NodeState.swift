import NFSWire

/// What is open, not yet written, or read ahead of one file.
///
/// One thread.
final class NodeState {
    /// An open file whose last name is gone: it lives on under a hidden one.
    struct Hidden {
        var export: Int
        var directory: FileHandle
        var name: [UInt8]
    }

    /// The kernel's number of the file.
    let number: UInt64
    /// How many times it is open.
    var openCount = 0
    /// Size in bytes, as far as is known.
    var size: UInt64?
    /// Bytes that the server has taken and not committed.
    var uncommittedBytes: UInt64 = 0
    /// Writes and commits that wait for their answer.
    var changesInFlight = 0
    /// Lost data that has not been told to anybody yet: an errno.
    var lostWrite: Int32 = 0
    /// Where an open file without a name lives.
    var hidden: Hidden?
    /// Data read before it was asked for.
    var readAhead: ReadAhead?

    init(number: UInt64) {
        self.number = number
    }

    /// Whether nothing of this needs to be kept.
    var isIdle: Bool {
        openCount == 0 && uncommittedBytes == 0 && changesInFlight == 0 && lostWrite == 0
            && hidden == nil
    }

    /// Remembers what the server said of the file.
    func note(_ attributes: NFSAttributes) { size = attributes.size }

    /// Takes the error that waits to be told.
    func takeLostWrite() -> Int32 {
        let error = lostWrite
        lostWrite = 0
        return error
    }

    /// Forgets what was read ahead: it is about to change.
    func dropReadAhead() { readAhead?.drop() }
}
