import Platform

/// The file that takes every change of an export; removed again where the export never began.
///
/// One for all ways that `--attach` tries: what clients did before a way failed stays in it.
final class Recording {
    /// The open file.
    let file: OwnedFD
    /// Whether it stays.
    var isKept = false
    private let path: String

    /// Makes the file, which must not be there yet; nil where none is asked for.
    init?(_ path: String?) throws(SessionError) {
        guard let path else { return nil }
        do { file = try Files.open(path, [.readWrite, .create, .exclusive]) } catch {
            throw SessionError(
                .target, "cannot record into \(path): \(SystemError.words(error.errno))",
                remedy: "--record takes the name of a file that does not exist yet.")
        }
        self.path = path
    }

    deinit {
        if !isKept { try? Files.remove(path) }
    }
}
