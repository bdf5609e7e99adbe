import ClientGuest
import FileSystemLab
import Platform
import Testing

extension GuestNetwork {
    /// Runs a host's program as this network's root; it must succeed.
    @discardableResult
    func command(_ words: String..., seconds: Int = 60) throws -> Outcome {
        let all = rootPrefix + words
        return try Command.require(all[0], Array(all.dropFirst()), seconds: seconds)
    }

    /// The same, whatever comes of it.
    func attempt(_ words: [String], seconds: Int = 60) throws -> Outcome {
        let all = rootPrefix + words
        return try Command.run(all[0], Array(all.dropFirst()), seconds: seconds)
    }
}

extension Causeway {
    /// Runs the program as the root of a network: raw Ethernet needs that.
    func runAsRoot(of network: GuestNetwork, _ arguments: [String]) throws -> Outcome {
        let words = network.rootPrefix + [Settings.program] + arguments
        return try Command.run(
            words[0], Array(words.dropFirst()), environment: environment, seconds: 120)
    }

    /// Exports a source by AoE in a network; fails the test where that fails.
    func export(
        _ source: String, to network: GuestNetwork, _ options: [String]
    ) throws -> Exported {
        try exported(runAsRoot(of: network, ["export", source, "--json", "--aoe"] + options))
    }
}
