public import Catalogue
public import Platform

/// Reads what a source is made of; never writes, never mounts.
public struct Inspector: Sendable {
    /// Bounds on what a hostile source can make the inspector do.
    enum Limits {
        /// Tables inside partitions inside tables.
        static let depth = 3
        /// Ranges looked at in one source.
        static let regions = 512
    }

    private let catalogue: Catalogue

    /// Makes an inspector.
    public init(catalogue: Catalogue = .standard) {
        self.catalogue = catalogue
    }

    /// Opens a raw source read-only and reads its layers; blocks while it reads.
    public func inspect(path: String) throws(InspectionError) -> SourceReport {
        try inspect(try SourceOpening.open(path), path: path)
    }

    /// Opens a source for reading; the error says what is wrong with it.
    public static func open(_ path: String) throws(InspectionError) -> OwnedFD {
        try SourceOpening.open(path)
    }

    /// Reads the layers of a raw source that is already open for reading.
    public func inspect(
        _ descriptor: OwnedFD, path: String
    ) throws(InspectionError) -> SourceReport {
        try inspect(try identify(descriptor, path: path), disk: descriptor)
    }

    /// Compares the format that the user named with what the source's bytes look like.
    ///
    /// Throws where the format is unknown or contradicts the bytes, and where the source cannot
    /// hold a disk.
    public func identify(
        _ descriptor: OwnedFD, path: String, format: String = IdentifiedSource.raw
    ) throws(InspectionError) -> IdentifiedSource {
        let (kind, geometry) = try SourceOpening.sizes(descriptor, path: path)
        let whole = Window(descriptor, offset: 0, length: geometry.size)
        let container = catalogue.containers.first { $0.signatures.match(whole) }
        try Self.check(format, against: container, path: path, catalogue: catalogue)
        return IdentifiedSource(
            path: path, kind: kind, geometry: geometry, format: format, container: container)
    }

    /// Reads the layers of the disk that a source holds; blocks while it reads.
    ///
    /// `disk` is a file or block device with the disk's own bytes: the source itself where it is
    /// raw, else what the storage daemon makes of it, since nothing here reads image formats.
    public func inspect(
        _ source: IdentifiedSource, disk: OwnedFD
    ) throws(InspectionError) -> SourceReport {
        let size = try SourceOpening.sizes(disk, path: source.path).1.size
        let whole = Window(disk, offset: 0, length: size)
        guard whole.read(0, Int(min(512, size))) != nil else {
            throw InspectionError(
                .unreadable, cause: "\(source.path): its first sector cannot be read",
                remedy: "Check the device or copy it with ddrescue first.")
        }
        var geometry = source.geometry
        var budget = Limits.regions
        let root = region(
            whole, sectorSize: geometry.logicalSector, depth: 0, budget: &budget)
        if let table = root.table, table.type == "gpt" {
            geometry.logicalSector = max(geometry.logicalSector, table.sectorSize)
            geometry.physicalSector = max(geometry.physicalSector, table.sectorSize)
        }
        return SourceReport(
            path: source.path, kind: source.kind, geometry: geometry, format: source.format,
            container: source.container, root: root)
    }

    /// A named format must be one we know, and must not contradict the bytes.
    private static func check(
        _ format: String, against container: ContainerEntry?, path: String, catalogue: Catalogue
    ) throws(InspectionError) {
        guard format != IdentifiedSource.raw else { return }
        let known = catalogue.containers.compactMap(\.format)
        guard known.contains(format) else {
            throw InspectionError(
                .notSupported, cause: "unknown image format \(format)",
                remedy: "Name one of these: raw, \(known.joined(separator: ", ")).")
        }
        guard container?.format == format else {
            let seen = container.map(\.title) ?? "none of the image formats"
            throw InspectionError(
                .notASource,
                cause: "\(path) was named as \(format), and its bytes have the marks of: \(seen)",
                remedy: "Name the right --format, or leave it out for a plain disk.")
        }
    }

    private func region(
        _ window: Window, sectorSize: UInt32, depth: Int, budget: inout Int,
        lookForTable: Bool = true
    ) -> Region {
        var region = Region(offset: window.offset, length: window.length)
        budget -= 1
        switch BlkidProbe.superblocks(window) {
        case .nothing: fromSignatures(&region, window)
        case .unreadable: region.problems.append("parts of it cannot be read")
        case .one(let hit, let also):
            region.also = also
            found(hit, &region, window)
        case .ambivalent(let hits):
            region.candidates = hits.compactMap { hit in
                catalogue.fileSystem(type: hit.type).map {
                    FindingBuilder.finding(hit, $0, window)
                }
            }
            let names = hits.map(\.type).joined(separator: ", ")
            region.problems.append("the traces of several formats are here: \(names)")
        }
        // A member of a RAID or volume group may begin like a disk, and is none by itself.
        let isMember = region.layer.map { $0.signatures.isEmpty && $0.kind != .swap } ?? false
        let mayHoldTable =
            lookForTable && !isMember
            && (depth == 0 || (region.isUnknown && depth < Limits.depth))
        if mayHoldTable, var table = PartitionProbe.table(window, sectorSize: sectorSize) {
            fill(&table, window, depth: depth, budget: &budget)
            if !(table.partitions.isEmpty && region.fileSystem != nil) { region.table = table }
        }
        return region
    }

    private func found(_ hit: SuperblockHit, _ region: inout Region, _ window: Window) {
        if let entry = catalogue.fileSystem(type: hit.type) {
            region.fileSystem = FindingBuilder.finding(hit, entry, window)
        } else {
            region.layer =
                catalogue.layer(type: hit.type)
                ?? LayerEntry(type: hit.type, kind: .fileSystem, title: hit.type)
            region.layerLabel = hit.label
            if hit.checksumWrong { region.problems.append(FindingBuilder.checksumNotice) }
        }
    }

    /// What the catalogue's own signatures find where libblkid knows nothing.
    private func fromSignatures(_ region: inout Region, _ window: Window) {
        if let entry = catalogue.fileSystems.first(where: { $0.signatures.match(window) }) {
            let hit = SuperblockHit(type: entry.name)
            region.fileSystem = FindingBuilder.finding(hit, entry, window)
        } else {
            region.layer = catalogue.layers.first { $0.signatures.match(window) }
        }
    }

    private func fill(
        _ table: inout PartitionTable, _ window: Window, depth: Int, budget: inout Int
    ) {
        for index in table.partitions.indices {
            let partition = table.partitions[index]
            guard partition.role != .extended, budget > 0, partition.offset >= window.offset,
                let part = window.part(
                    offset: partition.offset - window.offset, length: partition.length)
            else { continue }
            table.partitions[index].region = region(
                part, sectorSize: table.sectorSize, depth: depth + 1, budget: &budget,
                // A table at the very same place would be this one again.
                lookForTable: partition.offset > window.offset)
        }
        if budget <= 0 { table.problems.append("too many partitions to look into all of them") }
    }
}

extension [[Signature]] {
    /// Whether any group matches with all of its members.
    func match(_ window: Window) -> Bool {
        contains { group in
            !group.isEmpty && group.allSatisfy { $0.matches(window.read, size: window.length) }
        }
    }
}
