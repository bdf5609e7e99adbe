public import Platform
public import SCSITarget

import ISCSIWire

/// Everything that a server is made of.
public struct ISCSIServerConfiguration: Sendable {
    /// What is served; names must differ.
    public var targets: [ISCSITargetConfiguration]
    /// CHAP of discovery sessions; empty for none, which works on loopback only.
    public var discoveryCredentials: [ISCSICredential] = []
    /// The one portal group that every portal belongs to (RFC 7143, 4.4.1).
    public var portalGroup: UInt16 = 1
    /// How initiators reach the server.
    public enum Reach: Equatable, Sendable {
        /// By its listeners; discovering initiators are told the address that each came to.
        case direct
        /// Through a relay, which whoever set it up guards; discovering initiators are told these
        /// portals as `ADDRESS:PORT`, or none: then they stay with the address that they came to
        /// (RFC 7143, appendix C).
        ///
        /// The addresses that the server sees are the relay's.
        case relayed(portals: [String])
    }

    /// How initiators reach the server.
    public var reach = Reach.direct
    /// What sessions are offered.
    public var offer = ISCSISessionOffer()
    /// Bounds.
    public var limits = ISCSILimits()
    /// Memory of all sessions together: data of commands, and answers that initiators have not
    /// taken.
    public var budget = ByteBudget(limit: 512 << 20)
    /// Makes so many random bytes; any thread.
    public var random: @Sendable (Int) -> [UInt8] = { count in
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Serves these targets.
    public init(targets: [ISCSITargetConfiguration]) {
        self.targets = targets
    }
}

/// One target of a server.
public struct ISCSITargetConfiguration: Sendable {
    /// Its iSCSI name.
    public var name: String
    /// A text for people, at most 255 bytes.
    public var alias: String
    /// Its device server.
    public var device: SCSITarget
    /// CHAP; empty for none.
    public var credentials: [ISCSICredential]
    /// Who may come in; nobody is kept out where both parts are empty.
    public var allowed: ISCSIAllowList

    /// Describes a target.
    public init(
        name: String, alias: String = "", device: SCSITarget, credentials: [ISCSICredential] = [],
        allowed: ISCSIAllowList = ISCSIAllowList()
    ) {
        self.name = name
        self.alias = alias
        self.device = device
        self.credentials = credentials
        self.allowed = allowed
    }
}

/// Bounds of a server: what no client can make it exceed.
public struct ISCSILimits: Equatable, Sendable {
    /// Connections at once, logged in or not.
    public var connections = 1024
    /// Commands of one session in flight: the widest command window.
    public var commands = 128
    /// Immediate commands of one session in flight.
    public var immediateCommands = 16
    /// Bytes of data of one session's commands in flight; a command that moves more is refused.
    public var sessionBytes = 64 << 20
    /// Bytes that wait to be sent on one connection before no more is read from it.
    public var unsentBytes = 8 << 20
    /// Bytes of commands of one session that came before their turn.
    public var earlyBytes = 1 << 20
    /// Time without progress after which a session that holds memory ends while others wait for it.
    public var shortMilliseconds: Int64 = 20_000
    /// Time from a connection to the end of its login.
    public var loginMilliseconds: Int64 = 15_000
    /// Silence after which an initiator is asked for a sign of life.
    public var pingMilliseconds: Int64 = 60_000
    /// Time in which it must give one, and in which a session that another login replaces must end.
    public var answerMilliseconds: Int64 = 60_000
    /// Login requests of one login.
    public var loginRequests = 32

    /// The usual bounds.
    public init() {}
}

extension ISCSIServerConfiguration {
    /// Throws where something is out of bounds or contradicts itself.
    public func validate() throws(ISCSIServerError) {
        var names: Set<ISCSIName> = []
        for target in targets {
            guard let name = ISCSIName(target.name), name.description == target.name else {
                throw .configuration(
                    "'\(target.name)' is no iSCSI name in lower case (iqn., eui. or naa.)")
            }
            guard names.insert(name).inserted else {
                throw .configuration("two targets are called \(target.name)")
            }
            guard target.alias.utf8.count <= 255, !target.alias.utf8.contains(0) else {
                throw .configuration("the alias of \(target.name) has more than 255 bytes")
            }
            for credential in target.credentials { try credential.validate() }
            for name in target.allowed.names where ISCSIName(name) == nil {
                throw .configuration("'\(name)' is no iSCSI name (iqn., eui. or naa.)")
            }
        }
        for credential in discoveryCredentials { try credential.validate() }
        try validateOffer()
    }

    private func validateOffer() throws(ISCSIServerError) {
        let lengths = [
            offer.maxRecvDataSegmentLength, offer.maxBurstLength, offer.firstBurstLength,
        ]
        guard lengths.allSatisfy({ (512...ISCSIWire.dataSegmentLimit).contains($0) }) else {
            throw .configuration("segments and bursts must have 512 to 16777215 bytes")
        }
        guard (1...64).contains(offer.maxOutstandingR2T) else {
            throw .configuration("a command may have 1 to 64 requests for data open")
        }
        guard (1...4096).contains(limits.commands), (1...60_000).contains(limits.connections)
        else {
            throw .configuration(
                "a session needs 1 to 4096 commands, a server 1 to 60000 connections")
        }
    }
}
