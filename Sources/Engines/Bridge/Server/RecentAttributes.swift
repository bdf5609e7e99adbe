import NFSWire

/// What the server said of files and folders a moment ago, after changing them.
///
/// The kernel forgets the attributes of whatever it has changed and asks for them again: of a
/// folder after every file made in it. The answer to the change has told them already. They are
/// trusted only where no other change was on its way at the same time, and for a short time: the
/// server still settles where a file's blocks lie. One thread; bounded.
struct RecentAttributes {
    /// Most files and folders that are remembered.
    static let limit = 512
    /// How long they are trusted, in milliseconds.
    static let milliseconds: Int64 = 1_000

    private struct Entry {
        var generation: UInt32
        var inFlight = 0
        var isMixed = false
        var attributes: NFSAttributes?
        var time: Int64 = 0
        var lastChange: UInt64 = 0
    }

    private var entries: [UInt64: Entry] = [:]
    private var order: [UInt64] = []
    private var lastForgotten: UInt64 = 0
    /// Counts changes: a moment between them.
    private(set) var moment: UInt64 = 0

    /// A change of a file is on its way.
    mutating func begin(_ number: UInt64, generation: UInt32) {
        if entries[number]?.generation != generation { add(number, generation) }
        alter(number)
        entries[number]?.inFlight += 1
        if let entry = entries[number], entry.inFlight > 1 { entries[number]?.isMixed = true }
    }

    /// A change was answered; with the attributes after it, where the server told them.
    mutating func end(_ number: UInt64, _ attributes: NFSAttributes?, now: Int64) {
        guard var entry = entries[number], entry.inFlight > 0 else { return }
        entry.inFlight -= 1
        if entry.inFlight == 0 {
            entry.attributes = entry.isMixed ? nil : attributes
            entry.time = now
            entry.isMixed = false
        }
        entries[number] = entry
    }

    /// Something else than a counted change may have altered the attributes.
    mutating func forget(_ number: UInt64) { alter(number) }

    /// The server told attributes in its answer to a call that changes nothing.
    ///
    /// - Parameter asked: the moment of the call: a change since then makes them old.
    mutating func tell(
        _ number: UInt64, generation: UInt32, _ attributes: NFSAttributes, asked: UInt64,
        now: Int64
    ) {
        guard lastForgotten <= asked else { return }
        if let entry = entries[number], entry.generation == generation {
            guard entry.inFlight == 0, entry.lastChange <= asked else { return }
        } else {
            add(number, generation)
        }
        entries[number]?.attributes = attributes
        entries[number]?.time = now
    }

    /// A name was removed: the file that it led to has one less, whichever it was.
    mutating func forgetLinked() {
        for (number, entry) in entries {
            guard let attributes = entry.attributes, attributes.type != .directory,
                attributes.links > 1
            else { continue }
            alter(number)
        }
        distrustReads()
    }

    /// Something happened to files that are not known by number.
    mutating func forgetAll() {
        for number in entries.keys { alter(number) }
        distrustReads()
    }

    /// The attributes, where they can be trusted.
    func attributes(_ number: UInt64, generation: UInt32, now: Int64) -> NFSAttributes? {
        guard let entry = entries[number], entry.generation == generation, entry.inFlight == 0,
            now - entry.time <= Self.milliseconds
        else { return nil }
        return entry.attributes
    }

    /// What reads that are on their way will tell may be old, whatever they read.
    private mutating func distrustReads() {
        moment += 1
        lastForgotten = moment
    }

    private mutating func alter(_ number: UInt64) {
        moment += 1
        entries[number]?.attributes = nil
        entries[number]?.lastChange = moment
    }

    private mutating func add(_ number: UInt64, _ generation: UInt32) {
        if entries.updateValue(Entry(generation: generation), forKey: number) != nil { return }
        order.append(number)
        guard order.count > Self.limit else { return }
        // Changes on their way stay; a round through all of them is enough.
        for _ in 0..<order.count {
            let oldest = order.removeFirst()
            guard entries[oldest]?.inFlight ?? 0 > 0 else {
                lastForgotten = max(lastForgotten, entries[oldest]?.lastChange ?? 0)
                entries[oldest] = nil
                return
            }
            order.append(oldest)
        }
    }
}
