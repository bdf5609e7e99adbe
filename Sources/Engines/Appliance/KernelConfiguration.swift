/// The configuration of Causeway's own kernel: `appliance/uml.config` of the source tree, which is
/// part of this program.
struct KernelConfiguration {
    /// The file's bytes.
    let bytes: [UInt8]

    /// The one that belongs to this version of Causeway.
    static let userModeLinux = KernelConfiguration(bytes: PackageResources.uml_config)

    /// What the configuration asks for: option and value, `n` for off.
    var wishes: [(option: String, value: String)] {
        Self.settings(in: String(decoding: bytes, as: UTF8.self))
    }

    /// The wishes that a finished `.config` does not fulfil: an option that this source does not
    /// have, or that depends on one that is off.
    func unfulfilled(in finished: String) -> [String] {
        var values: [String: String] = [:]
        for (option, value) in Self.settings(in: finished) { values[option] = value }
        return wishes.filter { values[$0.option] ?? "n" != $0.value }.map { wish in
            "\(wish.option)=\(wish.value)"
        }
    }

    private static func settings(in text: String) -> [(option: String, value: String)] {
        text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("CONFIG_"), let equals = line.firstIndex(of: "=") else {
                return nil
            }
            return (String(line[..<equals]), String(line[line.index(after: equals)...]))
        }
    }
}
