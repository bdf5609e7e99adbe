import Platform

@testable import Sessions

/// A private folder that ends with the object.
final class TemporaryFolder {
    let path: String

    init() throws {
        let name = Host.randomBytes(8).map { String($0, radix: 16) }.joined()
        path = "/tmp/causeway-test-\(name)"
        try Files.makeDirectories(path, mode: 0o700)
    }

    deinit { SessionRegistry.removeTree(path, depth: 6) }

    /// Folders of Causeway below this one.
    var folders: CausewayFolders {
        CausewayFolders(
            environment: [
                "XDG_RUNTIME_DIR": path, "XDG_DATA_HOME": path + "/data",
                "XDG_STATE_HOME": path + "/state", "XDG_CACHE_HOME": path + "/cache",
            ], user: Host.user)
    }

    /// Makes a file of this size and returns its path.
    func file(_ name: String, size: UInt64 = 4096) throws -> String {
        let file = "\(path)/\(name)"
        try Files.truncate(try Files.open(file, [.readWrite, .create]), to: size)
        return file
    }
}

/// Whether something comes true within a minute.
///
/// For what ends with a descriptor: a child that another test starts at this very moment has copies
/// of all of them, with their claims and listeners, until it runs its program.
func soon(_ condition: () throws -> Bool) throws -> Bool {
    let deadline = Clock.milliseconds() + 60_000
    while Clock.milliseconds() < deadline {
        if try condition() { return true }
        _ = try Descriptors.poll([], milliseconds: 1)
    }
    return false
}
