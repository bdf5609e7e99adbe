import AoEWire

/// What clients have stored at a target and what outlives it.
struct AoEKept: Equatable, Sendable {
    /// The configuration string.
    var text: [UInt8] = []
    /// The hosts that may use the disk; none: everybody.
    var hosts: [MACAddress] = []
}
