/// The words of the kernel's command line that are meant for the agent.
///
/// `causeway.mtu=BYTES` sets the link's MTU; `causeway.hostmac=xx:xx:xx:xx:xx:xx` names the
/// host's hardware address, which saves an ARP exchange. Unknown words are passed over, and a
/// word whose value makes no sense counts as absent.
public struct KernelCommandLine: Equatable, Sendable {
    /// The link's MTU in bytes, where given.
    public var mtu: Int32?
    /// The host's hardware address, 6 bytes, where given.
    public var hostHardware: [UInt8]?

    /// Reads a command line, as /proc/cmdline shows it.
    public init(_ text: String) {
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let value = Self.value(of: "causeway.mtu", in: word),
                let number = Int32(value), (576...65_535).contains(number)
            {
                mtu = number
            }
            if let value = Self.value(of: "causeway.hostmac", in: word) {
                hostHardware = Self.hardware(value)
            }
        }
    }

    private static func value(of name: String, in word: Substring) -> Substring? {
        guard word.hasPrefix(name), word.dropFirst(name.count).first == "=" else { return nil }
        return word.dropFirst(name.count + 1)
    }

    private static func hardware(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        return parts.count == 6 && bytes.count == 6 ? bytes : nil
    }
}
