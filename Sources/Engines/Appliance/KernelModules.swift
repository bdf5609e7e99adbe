import Platform

/// The modules of a distribution's kernel: a folder as `depmod` leaves it.
struct KernelModules {
    /// Bounds of what is read from the folder.
    enum Limits {
        /// Longest text file, in bytes.
        static let text = 64 << 20
        /// Deepest chain of dependencies.
        static let depth = 32
    }

    /// The folder that holds `modules.dep`.
    let folder: String
    /// Dependencies of each module, as paths below the folder.
    private let dependencies: [String: [String]]
    /// Path by name; `-` in names is written `_`.
    private let paths: [String: String]
    /// Names that stand for a module: aliases without wildcards.
    private let aliases: [String: [String]]
    /// Modules and aliases to be loaded before a module, by its name.
    private let before: [String: [String]]

    /// Reads the folder's indexes.
    init(folder: String) throws(ApplianceError) {
        self.folder = folder
        func lines(_ name: String) throws(ApplianceError) -> [Substring] {
            do {
                return try Files.readText("\(folder)/\(name)", limit: Limits.text)
                    .split(separator: "\n")
            } catch {
                throw ApplianceError(
                    "The kernel's modules cannot be read: \(error)",
                    remedy: "Delete the cache and build again.")
            }
        }
        (dependencies, paths) = Self.parseDependencies(try lines("modules.dep"))
        aliases = Self.parseAliases(try lines("modules.alias"))
        before = Self.parseSoft(try lines("modules.softdep"))
    }

    /// The absolute paths of modules and all they need, in the order in which they must be loaded.
    ///
    /// A root that the kernel has built in, or does not have, adds nothing.
    func closure(of roots: [String]) -> [String] {
        var order: [String] = []
        var seen: Set<String> = []
        for root in roots {
            for path in resolve(root) { visit(path, depth: 0, &order, &seen) }
        }
        return order.map { "\(folder)/\($0)" }
    }

    /// File system types that modules, given by their paths, mount: module name by type.
    func fileSystems(of modules: [String]) -> [String: String] {
        let names = Set(modules.map(Self.name))
        var types: [String: String] = [:]
        for (alias, targets) in aliases where alias.hasPrefix("fs-") {
            guard let module = targets.first(where: names.contains) else { continue }
            types[String(alias.dropFirst(3))] = module
        }
        return types
    }

    /// A module's name by its path or file name.
    static func name(_ path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return normal(file.split(separator: ".").first ?? "")
    }

    private func visit(
        _ path: String, depth: Int, _ order: inout [String], _ seen: inout Set<String>
    ) {
        guard depth < Limits.depth, seen.insert(path).inserted else { return }
        for wanted in before[Self.name(path)] ?? [] {
            for found in resolve(wanted) { visit(found, depth: depth + 1, &order, &seen) }
        }
        for needed in (dependencies[path] ?? []).reversed() {
            visit(needed, depth: depth + 1, &order, &seen)
        }
        order.append(path)
    }

    private func resolve(_ word: String) -> [String] {
        if let path = paths[Self.normal(word)] { return [path] }
        let targets = aliases[word] ?? aliases["crypto-\(word)"] ?? []
        return targets.sorted().compactMap { paths[$0] }
    }

    private static func normal(_ name: some StringProtocol) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    private static func parseDependencies(
        _ lines: [Substring]
    ) -> ([String: [String]], [String: String]) {
        var dependencies: [String: [String]] = [:]
        var paths: [String: String] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let path = String(line[..<colon])
            let needed = line[line.index(after: colon)...].split(separator: " ").map(String.init)
            dependencies[path] = needed
            paths[name(path)] = path
        }
        return (dependencies, paths)
    }

    private static func parseAliases(_ lines: [Substring]) -> [String: [String]] {
        var aliases: [String: [String]] = [:]
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "alias", !words[1].contains("*") else { continue }
            aliases[String(words[1]), default: []].append(normal(words[2]))
        }
        return aliases
    }

    private static func parseSoft(_ lines: [Substring]) -> [String: [String]] {
        var before: [String: [String]] = [:]
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 3, words[0] == "softdep", words[2] == "pre:" else { continue }
            before[normal(words[1]), default: []] += words[3...].prefix { $0 != "post:" }
        }
        return before
    }
}
