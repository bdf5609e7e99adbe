import Bytes
import NBDWire

/// What may be told, and under which conditions.
struct NBDHandshakePolicy: Sendable {
    var offers: [NBDOffer]
    var defaultExport: String?
    var tls = NBDSecurity.Mode.off
    var tellsExports = true
}

/// The server's side of the handshake: bytes in, actions out; no I/O and no clock.
///
/// doc/proto.md, "Fixed newstyle negotiation", "TLS support" and "Option types". What the client
/// sends is held until an option is whole: at most a header and `NBDLimits.optionData`.
struct NBDHandshake: Sendable {
    enum Action: Equatable, Sendable {
        case send([UInt8])
        /// Both ends speak TLS from the next byte on; call `tlsIsUp`.
        case startTLS
        /// The handshake is over; `rest` are the first bytes of what follows.
        case transmit(NBDSession, rest: [UInt8])
        /// End the connection once everything is sent; in words.
        case close(String)
    }

    /// Most options of one client.
    static let optionLimit = 1024

    enum Phase: Equatable {
        case clientFlags
        case options
        case data(NBDOptionHeader)
        case skipping(NBDOptionHeader, left: Int)
        case ended
    }

    let policy: NBDHandshakePolicy
    /// Whether the server is going away: options are refused.
    var isDraining = false
    private(set) var phase = Phase.clientFlags
    private var held: [UInt8] = []
    private var options = 0
    private(set) var isFixed = false
    private(set) var noZeroes = false
    private(set) var hasTLS = false
    var style = NBDHeaderStyle.simple
    /// Export for which `base:allocation` was selected last.
    var contextExport: Int?

    init(_ policy: NBDHandshakePolicy) { self.policy = policy }

    /// What a server says first.
    static var greeting: [UInt8] { NBDGreeting(flags: [.fixedNewstyle, .noZeroes]).encoded }

    /// Takes what arrived; after `startTLS`, `transmit` or `close` nothing more is done with it.
    mutating func receive(_ bytes: some Collection<UInt8>) -> [Action] {
        guard phase != .ended else { return [] }
        held.append(contentsOf: bytes)
        var actions: [Action] = []
        var used = 0
        while let step = step(held[used...], &actions) {
            used += step
            switch actions.last {
            case .startTLS where used < held.count:
                // What came before the encryption must not be taken for what came under it.
                end("bytes between NBD_OPT_STARTTLS and TLS", &actions)
            case .transmit(let session, _):
                actions[actions.count - 1] = .transmit(session, rest: Array(held[used...]))
                phase = .ended
            default: break
            }
            if phase == .ended { break }
        }
        held.removeFirst(used)
        if phase == .ended { held = [] }
        return actions
    }

    /// The encryption asked for by `startTLS` works; what was negotiated before is forgotten.
    mutating func tlsIsUp() {
        hasTLS = true
        style = .simple
        contextExport = nil
    }

    /// Does the next step; returns how many bytes it took, or nil where more are needed.
    private mutating func step(_ bytes: ArraySlice<UInt8>, _ actions: inout [Action]) -> Int? {
        switch phase {
        case .clientFlags:
            guard bytes.count >= NBDClientFlags.size else { return nil }
            takeFlags(bytes.prefix(NBDClientFlags.size), &actions)
            return NBDClientFlags.size
        case .options:
            guard bytes.count >= NBDOptionHeader.size else { return nil }
            takeHeader(bytes.prefix(NBDOptionHeader.size), &actions)
            return NBDOptionHeader.size
        case .data(let header):
            let count = Int(header.length)
            guard bytes.count >= count else { return nil }
            phase = .options
            answer(header.option, bytes.prefix(count), &actions)
            return count
        case .skipping(let header, let left):
            guard !bytes.isEmpty || left == 0 else { return nil }
            let count = min(left, bytes.count)
            guard count == left else {
                phase = .skipping(header, left: left - count)
                return count
            }
            phase = .options
            reply(.tooBig, to: header.option, "the option has too much data", &actions)
            return count
        case .ended: return nil
        }
    }

    private mutating func takeFlags(_ bytes: ArraySlice<UInt8>, _ actions: inout [Action]) {
        guard let flags = try? NBDClientFlags(decoding: bytes), flags.isSubset(of: .all) else {
            return end("client flags that nobody knows", &actions)
        }
        isFixed = flags.contains(.fixedNewstyle)
        noZeroes = flags.contains(.noZeroes)
        phase = .options
        if !isFixed, policy.tls == .require { end("a client that cannot speak TLS", &actions) }
    }

    private mutating func takeHeader(_ bytes: ArraySlice<UInt8>, _ actions: inout [Action]) {
        guard let header = try? NBDOptionHeader(decoding: bytes) else {
            return end("an option without its magic number", &actions)
        }
        options += 1
        guard options <= Self.optionLimit else { return end("too many options", &actions) }
        guard isFixed || header.option == .exportName else {
            return end("an option that only fixed newstyle has", &actions)
        }
        if header.length <= NBDLimits.optionData {
            phase = .data(header)
        } else if header.length <= NBDLimits.skippedOptionData, header.option != .exportName {
            phase = .skipping(header, left: Int(header.length))
        } else {
            end("an option of \(header.length) bytes", &actions)
        }
    }

    /// Ends the handshake.
    mutating func end(_ reason: String, _ actions: inout [Action]) {
        phase = .ended
        actions.append(.close(reason))
    }

    /// Answers an option with an error and a message for people.
    func reply(
        _ type: NBDOptionReplyType, to option: NBDOption, _ message: String,
        _ actions: inout [Action]
    ) {
        let data = Array(message.utf8)
        actions.append(.send(NBDOptionReplyHeader.encode(type, to: option, data: data)))
    }

    /// Index of the export that a client means.
    func find(_ name: String) -> Int? {
        let wanted = name.isEmpty ? policy.defaultExport ?? "" : name
        return policy.offers.firstIndex { $0.name == wanted }
    }

    /// What the client gets with an export.
    func session(_ export: Int) -> NBDSession {
        let offer = policy.offers[export]
        let hasContext = contextExport == export && style != .simple
        return NBDSession(
            export: export, style: style, flags: offer.flags(style, contexts: hasContext),
            size: offer.size, hasContext: hasContext)
    }
}
