/// What an appliance's `manifest` file says: one fact a line, words separated by one space.
///
/// `docs/formats/appliance.md` is the normative description.
public struct ApplianceManifest: Equatable, Sendable {
    /// Bounds of what is read.
    public enum Limits {
        /// Longest manifest, in bytes.
        public static let size = 256 * 1024
        /// Most lines of one.
        public static let lines = 4096
    }

    /// First line: the format's name and version.
    static let signature = "causeway-appliance 2"

    /// Its packagings, in the order of `PackagingKind.allCases`; each kind at most once.
    public var packagings: [Packaging]

    /// Makes a manifest.
    public init(packagings: [Packaging]) {
        self.packagings = packagings
    }

    /// The packaging of a kind.
    public subscript(kind: PackagingKind) -> Packaging? {
        packagings.first { $0.kind == kind }
    }

    /// Puts a packaging in the place of the one of its kind.
    public mutating func replace(_ packaging: Packaging) {
        let others = packagings.filter { $0.kind != packaging.kind } + [packaging]
        packagings = PackagingKind.allCases.compactMap { kind in
            others.first { $0.kind == kind }
        }
    }

    /// The manifest as text: the same facts are always the same bytes.
    public var text: String {
        var lines = [Self.signature]
        for packaging in packagings {
            lines.append("packaging \(packaging.kind.rawValue)")
            lines.append("flavour \(packaging.flavour.rawValue)")
            lines.append("release \(packaging.release)")
            lines.append("wire \(packaging.wireVersion)")
            lines += packaging.fileSystems.map { "filesystem \($0)" }
            lines += packaging.inputs.map { "input \($0.name) \($0.version) \($0.sha256)" }
            lines += packaging.files.map { "file \($0.name) \($0.size) \($0.sha256)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads a manifest.
    ///
    /// Throws where a line is not one that this version defines.
    public init(text: String) throws(ManifestError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count <= Limits.lines else { throw ManifestError(line: 0, "too many lines") }
        guard lines.first ?? "" == Self.signature else {
            throw ManifestError(line: 1, "not \"\(Self.signature)\"")
        }
        guard lines.last == "" else { throw ManifestError(line: lines.count, "cut short") }
        var drafts: [PackagingDraft] = []
        for (index, line) in lines.enumerated().dropFirst().dropLast() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
                .map(String.init)
            if let draft = PackagingDraft(words), !drafts.contains(where: { $0.kind == draft.kind })
            {
                drafts.append(draft)
            } else if drafts.isEmpty || !drafts[drafts.count - 1].take(words) {
                throw ManifestError(line: index + 1, "\"\(line)\" is not understood")
            }
        }
        guard !drafts.isEmpty else { throw ManifestError(line: 0, "no packaging") }
        packagings = []
        for draft in drafts { packagings.append(try draft.finish()) }
    }
}

/// Why a text is no manifest.
public struct ManifestError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Line, from 1; 0 for the whole.
    public var line: Int
    /// What is wrong with it.
    public var cause: String

    init(line: Int, _ cause: String) {
        self.line = line
        self.cause = cause
    }

    /// Line and cause.
    public var description: String { "line \(line): \(cause)" }
}

/// A packaging of which some lines have been read.
private struct PackagingDraft {
    let kind: PackagingKind
    private var flavour: KernelFlavour?
    private var release: String?
    private var wireVersion: UInt32?
    private var fileSystems: [String] = []
    private var inputs: [ApplianceInput] = []
    private var files: [ApplianceFile] = []

    /// Begins with the line `packaging KIND`.
    init?(_ words: [String]) {
        guard words.count == 2, words[0] == "packaging",
            let kind = PackagingKind(rawValue: words[1])
        else { return nil }
        self.kind = kind
    }

    /// Takes one line; false where it is not one.
    mutating func take(_ words: [String]) -> Bool {
        guard !words.contains("") else { return false }
        switch (words[0], words.count) {
        case ("flavour", 2):
            guard flavour == nil, let value = KernelFlavour(rawValue: words[1]) else {
                return false
            }
            flavour = value
        case ("release", 2):
            guard release == nil else { return false }
            release = words[1]
        case ("wire", 2):
            guard wireVersion == nil, let value = UInt32(words[1]) else { return false }
            wireVersion = value
        case ("filesystem", 2): fileSystems.append(words[1])
        case ("input", 4):
            inputs.append(ApplianceInput(name: words[1], version: words[2], sha256: words[3]))
        case ("file", 4):
            guard let size = UInt64(words[2]), Self.isFileName(words[1]),
                !files.contains(where: { $0.name == words[1] }), Checksums.isDigest(words[3])
            else { return false }
            files.append(ApplianceFile(name: words[1], size: size, sha256: words[3]))
        default: return false
        }
        return true
    }

    /// A manifest names files of its own folders only.
    private static func isFileName(_ name: String) -> Bool {
        ApplianceFile.names.contains(name)
    }

    /// The packaging, where nothing is missing.
    func finish() throws(ManifestError) -> Packaging {
        let names = Set(files.map(\.name))
        guard let flavour, let release, let wireVersion,
            names == Set(ApplianceFile.names)
        else { throw ManifestError(line: 0, "packaging \(kind.rawValue) is incomplete") }
        return Packaging(
            kind: kind, flavour: flavour, release: release, wireVersion: wireVersion,
            fileSystems: fileSystems, inputs: inputs, files: files)
    }
}
