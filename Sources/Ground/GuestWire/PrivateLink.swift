/// The private link between the host's bridge and the guest: an IPv4 network of the two alone.
///
/// Addresses are in host byte order.
public enum PrivateLink {
    /// The bridge's end: 10.77.0.1.
    public static let host: UInt32 = 0x0a4d_0001
    /// The guest's end: 10.77.0.2.
    public static let guest: UInt32 = 0x0a4d_0002
    /// Length of the network's prefix, in bits.
    public static let prefix: Int32 = 30

    /// An address in dotted decimals.
    public static func dotted(_ address: UInt32) -> String {
        stride(from: 24, through: 0, by: -8)
            .map { String((address >> UInt32($0)) & 0xff) }.joined(separator: ".")
    }
}
