import Platform

/// A part of a source's disk.
struct DiskPart: Equatable {
    /// Its first byte.
    var offset: UInt64
    /// Its bytes.
    var length: UInt64
}

/// Names that are the same in every session for the same disk of the same host, and differ
/// between disks: also between a source's partitions, and between files that had one path.
struct SourceNames: Equatable {
    /// What serial numbers are made from.
    let disk: String
    /// What is kept for the disk goes into a folder of this name.
    let folder: String

    /// - Parameters:
    ///   - identity: device and inode of the source.
    ///   - born: when the file was made, in nanoseconds; inodes are used again.
    ///   - partition: the part of the disk; nil for all of it, which may grow.
    init(path: String, identity: String, born: Int64, partition: DiskPart?, machine: String) {
        let part = partition.map { "\($0.offset)+\($0.length)" } ?? "whole"
        let content = "\(identity) \(born) \(part)"
        disk = "\(path)\n\(content)\n\(machine)"
        folder = "\(OverlayStore.name(ofSource: path))-\(Self.hash(content))"
    }

    /// Names a part of a source that a session holds.
    init(_ source: SourceClaim, path: String, partition: DiskPart?) {
        self.init(
            path: path, identity: source.identity, born: Files.born(source.descriptor),
            partition: partition,
            machine: (try? Files.readText("/etc/machine-id", limit: 64)) ?? "")
    }

    private static func hash(_ text: String) -> String {
        // FNV-1a: names must be stable and short, not secret.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
