/// Whether connections are encrypted.
public struct NBDSecurity: Sendable {
    /// Who decides.
    public enum Mode: Equatable, Sendable {
        /// Never.
        case off
        /// The client.
        case on
        /// Always: before TLS nothing is told.
        case require
    }

    /// Who decides.
    public var mode: Mode
    /// What both ends prove themselves with; nil only with `off`.
    public var credentials: NBDCredentials?

    /// Collects both.
    public init(mode: Mode, credentials: NBDCredentials?) {
        self.mode = mode
        self.credentials = credentials
    }

    /// No encryption.
    public static let off = NBDSecurity(mode: .off, credentials: nil)

    /// Whether every client has to prove who it is before it sees an export.
    public var authenticatesClients: Bool {
        guard mode == .require else { return false }
        switch credentials {
        case .certificate(_, _, let clientAuthorities): return clientAuthorities != nil
        case .preSharedKeys: return true
        case nil: return false
        }
    }
}

/// What the ends of a connection prove themselves with.
public enum NBDCredentials: Sendable {
    /// The server's certificate chain and private key, and the authorities of client certificates
    /// where clients must have one; all in PEM.
    case certificate(chain: [UInt8], key: [UInt8], clientAuthorities: [UInt8]?)
    /// Keys by user name.
    case preSharedKeys([String: [UInt8]])
}

/// A file of pre-shared keys, as GnuTLS's psktool writes them: `user:hexkey`, one a line.
public enum NBDKeyFile {
    /// Longest file in bytes.
    public static let sizeLimit = 1 << 20
    /// Longest key in bytes, as TLS libraries take it.
    public static let keyLimit = 64
    /// Shortest key in bytes that is taken.
    public static let keyMinimum = 16

    /// Reads the keys; empty lines and lines that begin with `#` are passed over.
    public static func keys(in bytes: [UInt8]) throws(NBDServerError) -> [String: [UInt8]] {
        guard bytes.count <= sizeLimit else { throw .badCredentials("the keys file is too long") }
        var keys: [String: [UInt8]] = [:]
        let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let line = line.last == 0x0d ? line.dropLast() : line
            if line.isEmpty || line.first == 0x23 { continue }
            let place = "line \(index + 1) of the keys file"
            guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex,
                let user = String(validating: line[..<colon], as: UTF8.self),
                let key = hexadecimal(line[(colon + 1)...])
            else { throw .badCredentials("\(place) is not user:hexkey") }
            guard (keyMinimum...keyLimit).contains(key.count) else {
                throw .badCredentials("the key in \(place) has not 16 to 64 bytes")
            }
            guard keys.updateValue(key, forKey: user) == nil else {
                throw .badCredentials("\(place) names a user twice")
            }
        }
        guard !keys.isEmpty else { throw .badCredentials("the keys file holds no key") }
        return keys
    }

    private static func hexadecimal(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
