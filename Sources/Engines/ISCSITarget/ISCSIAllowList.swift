import NIOCore

/// Which initiators may log in to a target.
public struct ISCSIAllowList: Equatable, Sendable {
    /// iSCSI names; empty for any.
    public var names: Set<String>
    /// Networks; empty for any.
    public var networks: [ISCSINetwork]

    /// Names and networks.
    public init(names: Set<String> = [], networks: [ISCSINetwork] = []) {
        self.names = names
        self.networks = networks
    }

    /// Whether this name may come in from this address, in the bytes of its family.
    ///
    /// An address that is not known passes only where no network is listed.
    func admits(name: String, address: [UInt8]?) -> Bool {
        guard names.isEmpty || names.contains(where: { $0.lowercased() == name }) else {
            return false
        }
        guard !networks.isEmpty else { return true }
        guard let address else { return false }
        return networks.contains { $0.contains(address) }
    }
}

/// A range of IPv4 or IPv6 addresses: an address and how many of its bits count.
public struct ISCSINetwork: Equatable, Sendable {
    /// Four or sixteen bytes.
    let address: [UInt8]
    /// How many of their bits count.
    let prefix: Int

    /// Reads `ADDRESS` or `ADDRESS/BITS`; nil where it is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = PeerAddress.bytes(String(parts[0])) else { return nil }
        let bits = address.count * 8
        let prefix = parts.count == 2 ? Int(parts[1]) : bits
        guard let prefix, (0...bits).contains(prefix) else { return nil }
        (self.address, self.prefix) = (address, prefix)
    }

    func contains(_ other: [UInt8]) -> Bool {
        guard other.count == address.count else { return false }
        let whole = prefix / 8
        guard address[..<whole] == other[..<whole] else { return false }
        guard prefix % 8 > 0 else { return true }
        let mask = UInt8.max << (8 - prefix % 8)
        return address[whole] & mask == other[whole] & mask
    }
}

/// Addresses as bytes.
enum PeerAddress {
    /// Four or sixteen bytes of a numeric address; an IPv4 address in IPv6 clothing is IPv4.
    static func bytes(_ text: String) -> [UInt8]? {
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        return bytes(address)
    }

    /// Four or sixteen bytes; nil for other families.
    static func bytes(_ address: SocketAddress) -> [UInt8]? {
        switch address {
        // Where ip(7) and ipv6(7) have the address in their structures.
        case .v4(let inner): withUnsafeBytes(of: inner.address) { Array($0[4..<8]) }
        case .v6(let inner): unwrapped(withUnsafeBytes(of: inner.address) { Array($0[8..<24]) })
        default: nil
        }
    }

    /// Whether only this host can come from there.
    static func isLoopback(_ bytes: [UInt8]) -> Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        return bytes.prefix(12).elementsEqual(mapped) ? Array(bytes.suffix(4)) : bytes
    }
}

extension PeerAddress {
    /// `ADDRESS:PORT` as SendTargets tells it (RFC 7143, 13.8); nil for other families.
    static func portal(_ address: SocketAddress) -> String? {
        guard let port = address.port, let bytes = bytes(address) else { return nil }
        if bytes.count == 4 { return "\(bytes.map { String($0) }.joined(separator: ".")):\(port)" }
        return address.ipAddress.map { "[\($0)]:\(port)" }
    }
}
