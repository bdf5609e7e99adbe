public import Catalogue
import Platform

/// Which partition: the number, and further numbers for tables inside partitions (`2`, `2.1`);
/// no number is the whole source (`whole`).
public struct PartitionPath: Hashable, Sendable, CustomStringConvertible {
    /// Numbers from the outermost table inwards.
    public var numbers: [Int]

    /// The whole source.
    public static let whole = PartitionPath([])

    /// Makes a path.
    public init(_ numbers: [Int]) { self.numbers = numbers }

    /// Parses `whole`, `0`, `3` or `2.1`; nil for anything else.
    public init?(_ text: String) {
        if text == "whole" || text == "0" {
            self = .whole
            return
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.allSatisfy(\.isNumber) ? Int($0) : nil }
        guard numbers.count == parts.count, parts.count <= 8, numbers.allSatisfy({ $0 > 0 }) else {
            return nil
        }
        self.numbers = numbers
    }

    /// Parses what a user typed; throws where that names no partition.
    public static func parse(_ words: String) throws(InspectionError) -> PartitionPath {
        guard let path = PartitionPath(words) else {
            throw InspectionError(
                .noSuchVolume, cause: "\(words) is no partition number",
                remedy: "Give a number such as 2, or 2.1 for a table inside a partition.")
        }
        return path
    }

    /// `whole`, `3` or `2.1`.
    public var description: String {
        numbers.isEmpty ? "whole" : numbers.map { "\($0)" }.joined(separator: ".")
    }
}

/// A file system that the guest can mount, and where it lies.
public struct Volume: Sendable {
    /// Which partition it is in.
    public var partition: PartitionPath
    /// First byte, from the start of the source.
    public var offset: UInt64
    /// Length in bytes.
    public var length: UInt64
    /// What was found there.
    public var finding: FileSystemFinding

    /// The partition's number; nil for the whole source.
    public var partitionNumber: Int? { partition.numbers.last }
    /// The entry in the catalogue.
    public var fileSystem: CatalogueEntry { finding.entry }

    /// How the guest mounts it for reading; nil for writing where its driver only reads.
    public func plan(write: Bool) -> MountPlan? {
        write ? finding.readWrite : finding.readOnly
    }
}

extension SourceReport {
    /// Every file system that the guest can mount, in the order of their places.
    ///
    /// Ranges in which several formats match are left out: `selectVolumes` with a file system
    /// decides those.
    public var volumes: [Volume] {
        var volumes: [Volume] = []
        root.collect(.whole, &volumes) { $0.fileSystem }
        return volumes
    }

    /// Chooses the volumes to mount.
    ///
    /// - Without a partition: the whole source where a file system fills it; else every
    ///   partition that holds one.
    /// - `partition`: that one.
    /// - `fileSystem`: the name of a catalogue entry; only volumes that are, or may be, that one.
    ///
    /// Throws where nothing is left, or where the source is a file system and a partition table
    /// at once and the format has no room for both.
    public func selectVolumes(
        partition: PartitionPath? = nil, fileSystem: String? = nil
    ) throws(InspectionError) -> [Volume] {
        var found = volumes
        if let fileSystem {
            found = []
            root.collect(.whole, &found) { region in
                ([region.fileSystem].compactMap { $0 } + region.candidates).first {
                    $0.entry.name == fileSystem || $0.type == fileSystem
                }
            }
        }
        if let partition {
            guard let volume = found.first(where: { $0.partition == partition }) else {
                throw noSuchVolume(partition)
            }
            return [volume]
        }
        guard !found.isEmpty else { throw nothingUsable() }
        if let whole = found.first(where: { $0.partition == .whole }) {
            guard found.count == 1 || whole.fileSystem.startsWithBootArea else {
                throw InspectionError(
                    .ambiguous,
                    cause: "\(path) begins with \(whole.fileSystem.title) and is partitioned too, "
                        + "so one of the two is a leftover",
                    remedy: "Choose with --partition \(choices(found)).")
            }
            return [whole]
        }
        return found
    }

    private func choices(_ volumes: [Volume]) -> String {
        volumes.map { "\($0.partition) (\($0.fileSystem.title))" }.joined(separator: ", ")
    }

    private func noSuchVolume(_ partition: PartitionPath) -> InspectionError {
        let there = volumes.isEmpty ? "none" : choices(volumes)
        return InspectionError(
            .noSuchVolume, cause: "\(path) has no usable file system in partition \(partition)",
            remedy: "Usable: \(there).")
    }

    private func nothingUsable() -> InspectionError {
        // The end of the disk in an image often lies at the end of the image, a GPT's copy with it.
        if isRaw, let container {
            let remedy =
                container.format.map { "Name it: --format \($0)." } ?? container.remedy
                ?? "Convert it to a raw image first."
            return InspectionError(
                .notSupported, cause: "\(path) has the marks of this format: \(container.title)",
                remedy: remedy)
        }
        if !root.candidates.isEmpty {
            let names = root.candidates.map(\.entry.name).joined(separator: ", ")
            return InspectionError(
                .ambiguous, cause: "\(path) carries the traces of several file systems: \(names)",
                remedy: "Name the right one with --type.")
        }
        let found = root.summary
        return InspectionError(
            .notSupported,
            cause: "\(path) holds no file system that can be mounted"
                + (found.isEmpty ? "; nothing in it was recognised" : "; found: \(found)"),
            remedy: found.isEmpty
                ? "Check that it is a disk image; an encrypted or overwritten disk looks random."
                : "causeway probe shows the layers.")
    }
}

extension Region {
    func collect(
        _ path: PartitionPath, _ volumes: inout [Volume],
        _ choose: (Region) -> FileSystemFinding?
    ) {
        if let finding = choose(self), finding.mountRefusal == nil {
            volumes.append(
                Volume(partition: path, offset: offset, length: length, finding: finding))
        }
        for partition in table?.partitions ?? [] {
            partition.region?.collect(
                PartitionPath(path.numbers + [partition.number]), &volumes, choose)
        }
    }

    /// What lies here, in a few words; empty where nothing was recognised.
    var summary: String {
        var words: [String] = []
        if let fileSystem {
            let refusal = fileSystem.mountRefusal.map { " (\($0))" } ?? ""
            words.append(fileSystem.entry.title + refusal)
        }
        if let layer { words.append(layer.title) }
        if let table {
            let inside = table.partitions.compactMap(\.region?.summary).filter { !$0.isEmpty }
            let content = inside.isEmpty ? "" : " with " + inside.joined(separator: ", ")
            words.append("a \(table.type) partition table\(content)")
        }
        return words.joined(separator: " and ")
    }
}

extension SourceReport {
    /// Where a partition lies, whatever it holds; the whole source for `whole`.
    public func range(
        of partition: PartitionPath
    ) throws(InspectionError) -> (offset: UInt64, length: UInt64) {
        var region: Region? = root
        var found: (offset: UInt64, length: UInt64) = (0, root.length)
        for (depth, number) in partition.numbers.enumerated() {
            guard let next = region?.table?.partitions.first(where: { $0.number == number }) else {
                throw InspectionError(
                    .noSuchVolume,
                    cause: "\(path) has no partition "
                        + "\(PartitionPath(Array(partition.numbers[...depth])))",
                    remedy: "`causeway probe` lists them.")
            }
            if let problem = next.problem {
                throw InspectionError(
                    .noSuchVolume, cause: "partition \(partition) cannot be used: \(problem)",
                    remedy: "`causeway probe` shows the whole table.")
            }
            found = (next.offset, next.length)
            region = next.region
        }
        return found
    }
}
