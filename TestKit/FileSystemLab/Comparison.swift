/// The differences between two manifests, as far as a file system's traits promise sameness.
public struct Comparison: Sendable, CustomStringConvertible {
    /// One line each.
    public private(set) var differences: [String] = []
    /// How many paths the first one holds.
    public let count: Int

    /// Whether there is none.
    public var isSame: Bool { differences.isEmpty }

    /// Compares what a folder holds with what was put into it.
    public init(found: Manifest, expected: Manifest, traits: Traits) {
        count = expected.entries.count
        let missing = expected.entries.keys.filter { found.entries[$0] == nil }
        let extra = found.entries.keys.filter { expected.entries[$0] == nil }
        differences += missing.map { "missing: \(RawPath($0))" }.sorted()
        differences += extra.map { "not expected: \(RawPath($0))" }.sorted()
        for (path, want) in expected.entries {
            guard let have = found.entries[path] else { continue }
            differences += Self.compare(have, want, traits).map { "\(RawPath(path)): \($0)" }
        }
        if traits.hardLinks {
            let want = Self.groups(expected)
            let have = Self.groups(found)
            differences += want.subtracting(have).map { "hard links no longer one file: \($0)" }
            differences += have.subtracting(want).map { "hard links that were none: \($0)" }
        }
    }

    /// The differences, at most twenty of them.
    public var description: String {
        let shown = differences.prefix(20).joined(separator: "\n")
        return "\(differences.count) differences in \(count) entries:\n\(shown)"
    }

    private static func compare(
        _ have: Manifest.Entry, _ want: Manifest.Entry, _ traits: Traits
    ) -> [String] {
        guard have.kind == want.kind else { return ["is a \(have.kind), not a \(want.kind)"] }
        var lines: [String] = []
        if want.kind == "f" {
            if have.size != want.size { lines.append("size \(have.size), not \(want.size)") }
            if have.sha256 != want.sha256 { lines.append("another content") }
            if traits.hardLinks, traits.linkCounts, have.links != want.links {
                lines.append("\(have.links) links, not \(want.links)")
            }
            let kept = traits.kept(nanoseconds: want.nanoseconds)
            if traits.times != .none, have.nanoseconds != kept {
                lines.append("time \(have.nanoseconds), not \(kept)")
            }
        }
        if want.kind == "l" {
            if have.target != want.target { lines.append("points to \(RawPath(have.target))") }
            return lines
        }
        switch traits.modes {
        case .none: break
        case .executableOnly:
            if want.kind == "f", have.mode & 0o100 != want.mode & 0o100 {
                lines.append("mode \(String(have.mode, radix: 8))")
            }
        case .exact:
            if have.mode != want.mode {
                let modes = [have.mode, want.mode].map { String($0, radix: 8) }
                lines.append("mode \(modes[0]), not \(modes[1])")
            }
        }
        return lines
    }

    /// The sets of paths that are one file.
    private static func groups(_ manifest: Manifest) -> Set<Set<RawPath>> {
        let files = manifest.entries.filter { $0.value.kind == "f" }
        let groups = Dictionary(grouping: files.keys) { files[$0]?.identity ?? "" }
        return Set(groups.values.map { Set($0.map { RawPath($0) }) }.filter { $0.count > 1 })
    }
}
