/// A name and a secret that an initiator proves itself with, by CHAP.
public struct ISCSICredential: Equatable, Sendable {
    /// Least bytes of a secret (RFC 7143, 9.2.1: 96 bits).
    public static let secretMinimum = 12
    /// Most bytes of a name or a secret.
    public static let limit = 255

    /// A name and its secret.
    public struct Proof: Equatable, Sendable {
        /// `CHAP_N`.
        public var user: String
        /// Shared with the other side.
        public var secret: [UInt8]

        /// Collects both.
        public init(user: String, secret: [UInt8]) {
            self.user = user
            self.secret = secret
        }
    }

    /// `CHAP_N` of the initiator.
    public var user: String
    /// The initiator's secret, 12 to 255 bytes.
    public var secret: [UInt8]
    /// The one iSCSI name that may use this, or nil for any.
    public var initiator: String?
    /// What the target answers an initiator's own challenge with; without it such logins fail.
    public var mutual: Proof?

    /// Collects a credential.
    public init(
        user: String, secret: [UInt8], initiator: String? = nil, mutual: Proof? = nil
    ) {
        self.user = user
        self.secret = secret
        self.initiator = initiator
        self.mutual = mutual
    }

    /// Throws where a length is out of bounds, or both directions share a secret (12.1.3).
    func validate() throws(ISCSIServerError) {
        for proof in [Proof(user: user, secret: secret)] + (mutual.map { [$0] } ?? []) {
            guard (1...Self.limit).contains(proof.user.utf8.count) else {
                throw .configuration("a CHAP name must have 1 to \(Self.limit) bytes")
            }
            guard (Self.secretMinimum...Self.limit).contains(proof.secret.count) else {
                throw .configuration(
                    "the CHAP secret of \(proof.user) must have \(Self.secretMinimum) to "
                        + "\(Self.limit) bytes")
            }
        }
        if let mutual, mutual.secret == secret {
            throw .configuration("the CHAP secrets of the two directions of \(user) are the same")
        }
    }
}
