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
        guard bytes.count <= sizeLimit, let text = String(validating: bytes, as: UTF8.self) else {
            throw .badCredentials("the keys file is too long or not UTF-8")
        }
        var keys: [String: [UInt8]] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.last == "\r" ? line.dropLast() : line
            if line.isEmpty || line.first == "#" { continue }
            let place = "line \(index + 1) of the keys file"
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                let key = hexadecimal(line[line.index(after: colon)...])
            else { throw .badCredentials("\(place) is not user:hexkey") }
            guard (keyMinimum...keyLimit).contains(key.count) else {
                throw .badCredentials("the key in \(place) has not 16 to 64 bytes")
            }
            guard keys.updateValue(key, forKey: String(line[..<colon])) == nil else {
                throw .badCredentials("\(place) names a user twice")
            }
        }
        guard !keys.isEmpty else { throw .badCredentials("the keys file holds no key") }
        return keys
    }

    private static func hexadecimal(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}
