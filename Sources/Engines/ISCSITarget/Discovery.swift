import ISCSIWire

/// Answers SendTargets (RFC 7143, appendix C).
struct Discovery: Sendable {
    let configuration: ISCSIServerConfiguration
    let initiator: String
    let peer: [UInt8]?
    /// The address that the initiator came to, as `ADDRESS:PORT`.
    let portal: String?
    /// The target of a normal session; nil in a discovery session.
    let target: Int?

    /// The targets and their portals, or nil where the value is not allowed here.
    func answer(_ value: String) -> TextPairs? {
        var pairs = TextPairs()
        for (index, one) in configuration.targets.enumerated() where admits(one) {
            let isWanted: Bool
            if let target {
                // A normal session may ask for its own target only.
                isWanted =
                    index == target && (value.isEmpty || ISCSIName(value)?.description == one.name)
            } else {
                isWanted = value == "All" || ISCSIName(value)?.description == one.name
            }
            guard isWanted else { continue }
            pairs.append("TargetName", one.name)
            for portal in portals {
                pairs.append("TargetAddress", "\(portal),\(configuration.portalGroup)")
            }
        }
        let isAllowed = target == nil ? !value.isEmpty : value != "All"
        return isAllowed ? pairs : nil
    }

    private var portals: [String] {
        switch configuration.reach {
        case .direct: portal.map { [$0] } ?? []
        case .relayed(let portals): portals
        }
    }

    private func admits(_ target: ISCSITargetConfiguration) -> Bool {
        target.allowed.admits(name: initiator, address: peer)
    }
}
