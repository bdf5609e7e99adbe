import Platform

/// SHA-256 through coreutils' `sha256sum`: `docs/decisions/0011-sha256sum.md` says why.
enum Checksums {
    /// Digest of a file's bytes, in lower-case hexadecimal.
    ///
    /// Blocks.
    static func sha256(ofFile path: String) throws(ApplianceError) -> String {
        let lines = try Tool.output("sha256sum", ["--zero", "--", path], package: "coreutils")
        let digest = String((lines.first ?? "").prefix(64))
        guard isDigest(digest) else {
            throw ApplianceError(
                "sha256sum gave no digest of \(path)", remedy: "Check that coreutils work.")
        }
        return digest
    }

    /// Whether a text has the form of a digest.
    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
