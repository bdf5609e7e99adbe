import ISCSIWire

/// Who logs in, to what, and what must be proven for it.
struct LoginIdentity: Sendable {
    /// The keys that say so, in the first text of a login.
    static let keys: Set<String> = ["InitiatorName", "TargetName", "SessionType"]

    let initiator: String
    /// Index in the configuration; nil for discovery.
    let target: Int?
    let credentials: [ISCSICredential]

    init(
        _ pairs: TextPairs, _ setting: LoginMachine.Setting
    ) throws(LoginStatus) {
        guard let text = pairs["InitiatorName"] else { throw .missingParameter }
        guard let name = ISCSIName(text) else { throw .initiatorError }
        initiator = name.description
        let configuration = setting.configuration
        switch pairs["SessionType"] ?? "Normal" {
        case "Discovery":
            target = nil
            credentials = configuration.discoveryCredentials
        case "Normal":
            guard let wanted = pairs["TargetName"] else { throw .missingParameter }
            let folded = ISCSIName(wanted)?.description
            guard let index = configuration.targets.firstIndex(where: { $0.name == folded })
            else { throw .targetNotFound }
            let found = configuration.targets[index]
            guard found.allowed.admits(name: initiator, address: setting.peer) else {
                throw .notAuthorized
            }
            target = index
            credentials = found.credentials
        default: throw .sessionTypeNotSupported
        }
    }
}

/// The security stage: which method, and CHAP (RFC 7143, 6.3.2 and 12.1).
struct LoginSecurity: Sendable {
    private var chap: CHAP?
    private var isProven = false

    private static let keys: Set<String> = [
        "AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R",
    ]

    /// Whether nothing is left to prove.
    func isSatisfied(_ credentials: [ISCSICredential]) -> Bool {
        credentials.isEmpty || isProven
    }

    /// Takes the pairs of one text and appends the answers; returns the pairs that are not its own.
    mutating func receive(
        _ all: TextPairs, _ pairs: [TextPairs.Pair], identity: LoginIdentity,
        random: (Int) -> [UInt8], into answers: inout TextPairs
    ) throws(LoginStatus) -> [TextPairs.Pair] {
        if let methods = all["AuthMethod"] {
            guard chap == nil, !isProven, let list = TextValue.list(methods) else {
                throw .initiatorError
            }
            let want = identity.credentials.isEmpty ? "None" : "CHAP"
            guard list.contains(Substring(want)) else { throw .authenticationFailed }
            answers.append("AuthMethod", want)
            if want == "CHAP" {
                chap = CHAP(credentials: identity.credentials, initiator: identity.initiator)
            }
        } else if all["CHAP_A"] != nil {
            guard chap?.hasChallenged == false else { throw .initiatorError }
            try chap?.challenge(all, random: random, into: &answers)
        } else if all["CHAP_N"] != nil || all["CHAP_R"] != nil {
            guard let chap, chap.hasChallenged, !isProven else { throw .initiatorError }
            try chap.verify(all, into: &answers)
            isProven = true
        } else if let chap, chap.hasChallenged, !isProven {
            // The answer to a challenge is not put off.
            throw .authenticationFailed
        }
        return pairs.filter { !Self.keys.contains($0.key) }
    }
}
