import Synchronization

import Glibc
import Platform

/// Trees and images, each made once in a process and then handed out as copies.
///
/// Any thread.
public enum Lab {
    /// Where everything is made: `CAUSEWAY_LAB`, where images stay for the next run, or a folder
    /// that goes with the process.
    public static let folder: String = {
        if let kept = getenv("CAUSEWAY_LAB") { return String(cString: kept) }
        do { return try LabFolder.make(below: temporaryFolder) } catch {
            fatalError("no folder for images: \(error)")
        }
    }()

    /// Where scratch folders are made: `TMPDIR`, or /var/tmp, which is on a disk.
    static let temporaryFolder: String = {
        guard let path = getenv("TMPDIR") else { return "/var/tmp" }
        return String(cString: path)
    }()

    private static let trees = Mutex<[String: TreeFixture]>([:])
    private static let making = Mutex<[String: Making]>([:])

    private final class Making: Sendable {
        let result = Mutex<Result<String, LabError>?>(nil)
    }

    /// The folder that holds the tree for these traits, and its manifest.
    public static func tree(for traits: Traits) throws -> TreeFixture {
        let plan = TreePlan(traits: traits)
        let key = plan.key
        return try trees.withLock { trees in
            if let tree = trees[key] { return tree }
            let path = "\(folder)/tree-\(key)"
            if !Files.exists("\(path).made") {
                try Command.require("rm", ["-rf", path])
                try Files.makeDirectories(path, mode: 0o755)
                try plan.make(in: path)
                try RawPath("\(path).made").write([])
            }
            let tree = TreeFixture(path: path, manifest: try Manifest(of: path))
            trees[key] = tree
            return tree
        }
    }

    /// The one filled image of a file system; read it, never write it.
    public static func image(of fileSystem: FileSystem) throws -> String {
        let job = making.withLock { making in
            if let job = making[fileSystem.name] { return job }
            let job = Making()
            making[fileSystem.name] = job
            return job
        }
        return try job.result.withLock { result in
            if let result { return try result.get() }
            let made = Result { try make(fileSystem) }.mapError { error in
                LabError("making \(fileSystem): \(error)")
            }
            result = made
            return try made.get()
        }
    }

    /// A copy of the filled image in a folder, to be written to.
    public static func copy(
        of fileSystem: FileSystem, into folder: String, name: String = "disk.img"
    ) throws -> String {
        let image = try image(of: fileSystem)
        let path = "\(folder)/\(name)"
        try Command.require("cp", ["--sparse=always", "--reflink=auto", image, path])
        try Command.require("chmod", ["u+w", path])
        return path
    }

    /// SHA-256 of a file, in hexadecimal.
    public static func sha256(_ path: String) throws -> String {
        String(try Command.require("sha256sum", ["--", path]).stdout.prefix(64))
    }

    private static func make(_ fileSystem: FileSystem) throws -> String {
        let tree = try tree(for: fileSystem.traits)
        let recipe = "\(tree.path) \(fileSystem.mebibytes) \(fileSystem.make) \(fileSystem.fill)"
        let path = "\(folder)/\(fileSystem.name)-\(Hash.name(of: recipe)).img"
        if Files.exists(path) { return path }
        let unfinished = "\(path).part"
        try Files.remove(unfinished)
        try fileSystem.makeFilledImage(at: unfinished, tree: tree.path)
        try fileSystem.checkImage(unfinished)
        try Command.require("chmod", ["a-w", unfinished])
        try Files.rename(unfinished, to: path)
        return path
    }
}

/// A tree in a folder of the host.
public struct TreeFixture: Sendable {
    /// The folder.
    public var path: String
    /// What it holds.
    public var manifest: Manifest
}

extension TreePlan {
    /// Names the tree: the same for equal trees.
    var key: String { Hash.name(of: "\(entries)") }
}

/// FNV-1a, for names of things that were made.
enum Hash {
    static func name(of text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
