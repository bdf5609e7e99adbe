import ISCSIWire

/// What a login leads to.
struct LoginResult: Sendable {
    /// Index of the target in the configuration; nil for a discovery session.
    var target: Int?
    var initiator: String
    var isid: ISID
    var connectionID: UInt16
    var parameters: SessionParameters
}

/// What to do about a login request.
enum LoginAction: Sendable {
    /// Answer, and wait for the next request.
    case reply(LoginReply, TextPairs)
    /// Answer and close.
    case refuse(LoginReply)
    /// Make the session, and then answer with its identifier.
    case finish(LoginReply, TextPairs, LoginResult)
}

/// One login (RFC 7143, chapter 6): requests in, replies out, nothing else touched.
struct LoginMachine: Sendable {
    /// What stands fixed while a login runs.
    struct Setting: Sendable {
        var configuration: ISCSIServerConfiguration
        /// The initiator's address, in bytes.
        var peer: [UInt8]?
        /// Whether a session has this identifier.
        var sessionExists: @Sendable (UInt16) -> Bool
    }

    let setting: Setting
    private var first: LoginRequest?
    private var requests = 0
    private var text: [UInt8] = []
    private var stage = LoginStage.security
    private(set) var identity: LoginIdentity?
    var security = LoginSecurity()
    private var negotiation: Negotiation?

    init(_ setting: Setting) {
        self.setting = setting
    }

    /// Takes a request and its data.
    mutating func receive(_ request: LoginRequest, data: some Collection<UInt8>) -> LoginAction {
        do throws(LoginStatus) {
            try check(request)
            text += data
            guard text.count <= TextPairs.Limits.bytes else { throw .initiatorError }
            guard !request.continues else { return .reply(LoginReply(to: request), TextPairs()) }
            let pairs: TextPairs
            do { pairs = try TextPairs(decoding: text) } catch { throw .initiatorError }
            text = []
            return try answer(request, pairs)
        } catch {
            return .refuse(LoginReply(to: request, status: error.rawValue))
        }
    }

    /// What must hold of every request (6.3, 11.12).
    private mutating func check(_ request: LoginRequest) throws(LoginStatus) {
        requests += 1
        guard requests <= setting.configuration.limits.loginRequests else {
            throw .initiatorError
        }
        guard request.versionMin <= ISCSIWire.version else { throw .versionNotSupported }
        guard let current = LoginStage(rawValue: request.currentStage), current != .fullFeature
        else { throw .initiatorError }
        if request.wantsTransit {
            guard !request.continues, let next = LoginStage(rawValue: request.nextStage),
                next.rawValue > current.rawValue
            else { throw .initiatorError }
        }
        if let first {
            guard first.isid == request.isid, first.tsih == request.tsih,
                first.connectionID == request.connectionID, current == stage
            else { throw .initiatorError }
        } else {
            first = request
            stage = current
            // A session has one connection, so none can be added to a session.
            guard request.tsih == 0 else {
                throw setting.sessionExists(request.tsih)
                    ? .tooManyConnections : .sessionDoesNotExist
            }
        }
    }

    private mutating func answer(
        _ request: LoginRequest, _ pairs: TextPairs
    ) throws(LoginStatus) -> LoginAction {
        var answers = TextPairs()
        let identity = try identify(pairs, into: &answers)
        let rest = pairs.pairs.filter { !LoginIdentity.keys.contains($0.key) }
        switch stage {
        case .security:
            let others = try security.receive(
                pairs, rest, identity: identity, random: setting.configuration.random,
                into: &answers)
            // Operational keys may come early (6.3.2 allows it, and some initiators do).
            if !others.isEmpty { try negotiate(others, identity, into: &answers) }
        case .operational:
            guard security.isSatisfied(identity.credentials) else { throw .authenticationFailed }
            try negotiate(rest, identity, into: &answers)
        case .fullFeature: throw .initiatorError
        }
        let transits = request.wantsTransit && security.isSatisfied(identity.credentials)
        let reply = LoginReply(to: request, transits: transits)
        guard transits, let next = LoginStage(rawValue: request.nextStage) else {
            return .reply(reply, answers)
        }
        stage = next
        guard next == .fullFeature else { return .reply(reply, answers) }
        let result = LoginResult(
            target: identity.target, initiator: identity.initiator, isid: request.isid,
            connectionID: request.connectionID,
            parameters: negotiation?.parameters ?? SessionParameters())
        return .finish(reply, answers, result)
    }

    private mutating func negotiate(
        _ pairs: [TextPairs.Pair], _ identity: LoginIdentity, into answers: inout TextPairs
    ) throws(LoginStatus) {
        var current =
            negotiation
            ?? Negotiation(
                offer: setting.configuration.offer, isDiscovery: identity.target == nil)
        try current.answer(pairs, inSecurityStage: stage == .security, into: &answers)
        negotiation = current
    }

    /// Who logs in to what, from the first text; later texts must not contradict it.
    private mutating func identify(
        _ pairs: TextPairs, into answers: inout TextPairs
    ) throws(LoginStatus) -> LoginIdentity {
        if let identity {
            let name = pairs["InitiatorName"].flatMap(ISCSIName.init)?.description
            guard name == nil || name == identity.initiator else { throw .initiatorError }
            return identity
        }
        let found = try LoginIdentity(pairs, setting)
        if let index = found.target {
            let target = setting.configuration.targets[index]
            if !target.alias.isEmpty { answers.append("TargetAlias", target.alias) }
            answers.append(
                "TargetPortalGroupTag", String(setting.configuration.portalGroup))
        }
        identity = found
        return found
    }
}
