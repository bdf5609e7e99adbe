import Platform

/// A folder of its own, removed with everything in it when the object goes.
public final class Scratch: Sendable {
    /// The folder's path.
    public let path: String

    /// Makes a folder below the temporary folder, on a real file system.
    public init(_ purpose: String = "lab") throws {
        let name = Host.randomBytes(6).map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
        path = "\(Lab.temporaryFolder)/causeway-\(purpose)-\(name)"
        try Files.makeDirectories(path)
    }

    /// Makes a file of this size that is all hole; returns its path.
    public func file(_ name: String, size: UInt64) throws -> String {
        let file = try Files.open("\(path)/\(name)", [.readWrite, .create])
        try Files.truncate(file, to: size)
        return "\(path)/\(name)"
    }

    deinit {
        LabFolder.remove(path)
    }
}
