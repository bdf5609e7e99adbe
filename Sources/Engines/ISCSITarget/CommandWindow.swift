import ISCSIWire

/// Command numbers of a session (RFC 7143, 4.2.2.1): which are taken, and which are next.
struct CommandWindow: Sendable {
    /// What to do with a PDU that has a command number.
    enum Verdict: Equatable, Sendable {
        /// It is next, or immediate: deliver it.
        case deliver
        /// It comes early: keep it until those before it have come.
        case hold
        /// It is outside the window, or here already: say nothing.
        case ignore
    }

    /// The next number to be delivered.
    private(set) var expCmdSN: UInt32
    /// The last number that is taken.
    private(set) var maxCmdSN: UInt32
    private let depth: UInt32

    /// How many commands are let in while memory is tight.
    private static let tightDepth: UInt32 = 8

    /// A window of `depth` commands, of which `first` is the next.
    init(first: UInt32, depth: Int) {
        precondition((1...4096).contains(depth), "a window has 1 to 4096 commands")
        expCmdSN = first
        self.depth = UInt32(depth)
        maxCmdSN = first &+ self.depth &- 1
    }

    /// Judges a number.
    func judge(_ cmdSN: UInt32, isImmediate: Bool) -> Verdict {
        if isImmediate { return .deliver }
        guard SerialNumber.isWithin(cmdSN, expCmdSN, maxCmdSN) else { return .ignore }
        return cmdSN == expCmdSN ? .deliver : .hold
    }

    /// Notes that the next command has been delivered.
    mutating func deliverNext() { expCmdSN &+= 1 }

    /// Opens the window as far as commands in flight leave room, and for few of them where memory
    /// is tight; it never shrinks.
    mutating func open(inFlight: Int, isTight: Bool = false) {
        let most = isTight ? min(depth, Self.tightDepth) : depth
        let room = most &- UInt32(clamping: min(inFlight, Int(most)))
        let last = expCmdSN &+ room &- 1
        if SerialNumber.isLess(maxCmdSN, last) { maxCmdSN = last }
    }
}
