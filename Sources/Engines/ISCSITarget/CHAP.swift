import Crypto
import ISCSIWire

/// Hash functions of CHAP by their numbers (IANA, "PPP Authentication Algorithms"; RFC 7143,
/// 12.1.3).
enum CHAPAlgorithm: UInt8, CaseIterable, Sendable {
    case md5 = 5
    case sha1 = 6
    case sha256 = 7
    case sha3 = 8

    /// The response to a challenge (RFC 1994, 4.1): the hash of identifier, secret and challenge.
    func response(identifier: UInt8, secret: [UInt8], challenge: [UInt8]) -> [UInt8] {
        let message = [identifier] + secret + challenge
        return switch self {
        case .md5: Array(Insecure.MD5.hash(data: message))
        case .sha1: Array(Insecure.SHA1.hash(data: message))
        case .sha256: Array(SHA256.hash(data: message))
        case .sha3: Array(SHA3_256.hash(data: message))
        }
    }
}

/// The target's half of CHAP in one login (RFC 7143, 12.1.3).
struct CHAP: Sendable {
    /// Most bytes of a challenge or a response.
    static let binaryLimit = 1024
    /// Bytes of our challenge.
    static let challengeLength = 32

    private let credentials: [ISCSICredential]
    private let initiator: String
    private var algorithm: CHAPAlgorithm?
    private var identifier: UInt8 = 0
    private var challenge: [UInt8] = []

    /// - Parameter initiator: the name that the initiator logs in with.
    init(credentials: [ISCSICredential], initiator: String) {
        self.credentials = credentials.filter { $0.initiator == nil || $0.initiator == initiator }
        self.initiator = initiator
    }

    /// Whether the challenge is out.
    var hasChallenged: Bool { algorithm != nil }

    /// Takes the initiator's `CHAP_A` and gives algorithm, identifier and challenge.
    mutating func challenge(
        _ pairs: TextPairs, random: (Int) -> [UInt8], into answers: inout TextPairs
    ) throws(LoginStatus) {
        guard let list = pairs["CHAP_A"].flatMap(TextValue.list) else {
            throw .authenticationFailed
        }
        let choice = list.lazy.compactMap { item in
            TextValue.number(String(item)).flatMap { UInt8(exactly: $0) }
                .flatMap(CHAPAlgorithm.init)
        }.first
        guard let choice else { throw .authenticationFailed }
        algorithm = choice
        let bytes = random(1 + Self.challengeLength)
        identifier = bytes[0]
        challenge = Array(bytes.dropFirst())
        answers.append("CHAP_A", String(choice.rawValue))
        answers.append("CHAP_I", String(identifier))
        answers.append("CHAP_C", TextValue.encode(challenge))
    }

    /// Checks the initiator's name and response, and answers its own challenge if it has one.
    func verify(_ pairs: TextPairs, into answers: inout TextPairs) throws(LoginStatus) {
        guard let algorithm, let name = pairs["CHAP_N"],
            let given = pairs["CHAP_R"].flatMap({
                TextValue.binary($0, limit: Self.binaryLimit)
            })
        else { throw .authenticationFailed }
        // A hash is made for an unknown name too, so that time tells nothing about names.
        let credential = credentials.first { $0.user == name }
        let want = algorithm.response(
            identifier: identifier, secret: credential?.secret ?? [], challenge: challenge)
        guard Self.isEqual(want, given), let credential else { throw .authenticationFailed }
        guard let text = pairs["CHAP_C"] else { return }
        try answer(text, pairs["CHAP_I"], algorithm, credential, into: &answers)
    }

    private func answer(
        _ text: String, _ identifierText: String?, _ algorithm: CHAPAlgorithm,
        _ credential: ISCSICredential, into answers: inout TextPairs
    ) throws(LoginStatus) {
        guard let theirs = TextValue.binary(text, limit: Self.binaryLimit),
            let number = identifierText.flatMap(TextValue.number),
            let theirIdentifier = UInt8(exactly: number), let mutual = credential.mutual
        else { throw .authenticationFailed }
        // Our own challenge sent back would make us answer it for them (12.1.3).
        guard theirs != challenge else { throw .authenticationFailed }
        let response = algorithm.response(
            identifier: theirIdentifier, secret: mutual.secret, challenge: theirs)
        answers.append("CHAP_N", mutual.user)
        answers.append("CHAP_R", TextValue.encode(response))
    }

    /// Compares in a time that depends on the length alone.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
