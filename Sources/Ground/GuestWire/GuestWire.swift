/// The contract between host and guest agent: one framed, versioned, bounded binary protocol.
///
/// The guest dials the host over the private link and opens each connection with one
/// `Greeting` frame. After it, the host sends requests and the guest answers each with one
/// reply that carries the request's id. A frame is
///
///     length[4] kind[2] id[4] payload[length - 6]      all integers little-endian
///
/// The normative description is `docs/formats/guest-wire.md`.
public enum GuestWire {
    /// Bumped whenever a message changes its meaning; both sides must agree exactly.
    public static let version: UInt32 = 2
    /// TCP port on the host's end of the link that the guest dials.
    public static let controlPort: UInt16 = 7000
    /// TCP port on which the guest's NFS server listens.
    public static let nfsPort: UInt16 = 2049
    /// Text of the guest with a replacement character for everything that is not to be shown: a
    /// guest is not trusted, and control characters reach the terminal or the log of whoever reads.
    static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result.unicodeScalars.append("\u{fffd}")
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Bounds of everything foreign.
    public enum Limits {
        /// Longest frame after its length field, in bytes.
        public static let frame = 1 << 20
        /// Longest NFSv3 file handle, in bytes (RFC 1813, section 2.4: NFS3_FHSIZE).
        public static let fileHandle = 64
        /// Longest extended attribute value, in bytes (Linux XATTR_SIZE_MAX).
        public static let attributeValue = 65_536
        /// Longest plan of what to serve as blocks, in bytes.
        public static let blockPlan = 768 * 1024
        /// Longest kernel log returned, in bytes.
        public static let kernelLog = 256 * 1024
    }
}

/// What a connection from the guest is for.
public enum ConnectionRole: UInt8, Sendable {
    /// The session's connection: mount, unmount, power off.
    case control = 1
    /// The bridge's connection: what NFSv3 cannot say (attributes, allocation).
    case files = 2
}
