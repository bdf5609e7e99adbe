import NIOSSL

extension NBDSecurity {
    /// Ciphers for pre-shared keys, all with forward secrecy; TLS 1.2, as the library knows them
    /// for no later version.
    private static let sharedKeyCiphers =
        "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA:ECDHE-PSK-AES128-CBC-SHA"

    /// What the library needs; nil where there is no TLS.
    func context() throws(NBDServerError) -> NIOSSLContext? {
        guard mode != .off else { return nil }
        guard let credentials else {
            throw .badCredentials("TLS needs a certificate or pre-shared keys")
        }
        do {
            switch credentials {
            case .certificate(let chain, let key, let authorities):
                return try Self.context(chain: chain, key: key, authorities: authorities)
            case .preSharedKeys(let keys): return try Self.context(keys)
            }
        } catch {
            throw .badCredentials("the certificate or key cannot be used: \(error)")
        }
    }

    private static func context(
        chain: [UInt8], key: [UInt8], authorities: [UInt8]?
    ) throws -> NIOSSLContext {
        let certificates = try NIOSSLCertificate.fromPEMBytes(chain)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        if let authorities {
            let roots = try NIOSSLCertificate.fromPEMBytes(authorities)
            configuration.trustRoots = .certificates(roots)
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private static func context(_ keys: [String: [UInt8]]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makePreSharedKeyConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.maximumTLSVersion = .tlsv12
        configuration.certificateVerification = .none
        configuration.cipherSuites = sharedKeyCiphers
        configuration.pskServerProvider = { client in
            guard let key = keys[client.clientIdentity] else { throw UnknownUser() }
            return PSKServerIdentityResponse(key: NIOSSLSecureBytes(key))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private struct UnknownUser: Error {}
}
