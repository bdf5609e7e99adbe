import Catalogue
import Platform

extension ProbeReport {
    /// The layers as an aligned tree, ready to print; ends with a newline.
    public var text: String {
        var lines: [TreeLine] = []
        let kind = source.kind == .blockDevice ? "block device" : "disk image"
        let sectors = source.geometry
        let sectorText =
            sectors.logicalSector == sectors.physicalSector
            ? "\(sectors.logicalSector)-byte sectors"
            : "\(sectors.logicalSector)-byte sectors on \(sectors.physicalSector)-byte ones"
        lines.append(
            .row(
                "", Words.safe(source.path), source.geometry.size,
                "\(kind), \(Words.grouped(sectors.size)) bytes, \(sectorText)"))
        if let container = source.container {
            let remedy =
                container.format.map { "Name it to look inside: --format \($0)." }
                ?? container.remedy ?? "Convert it to a raw image to look inside."
            let title = container.title
            let disk = "\(title) with a disk of \(Words.grouped(source.root.length)) bytes"
            lines.append(.note("", "format", source.isRaw ? "\(title)? \(remedy)" : disk))
        }
        add(source.root, "", &lines)
        if source.root.isUnknown && (source.container == nil || !source.isRaw) {
            lines.append(.note("", "content", "nothing was recognised"))
        }
        return TreeLine.text(lines) + "\n" + outcome
    }

    private var outcome: String {
        let mount = source.isRaw ? "A plain mount" : "A mount with --format \(source.format)"
        switch defaultMount {
        case .success(let volumes):
            let names = volumes.map { volume in
                let place = volume.partition == .whole ? "the whole source" : "\(volume.partition)"
                return "\(place) (\(volume.fileSystem.title))"
            }
            let folders = volumes.count > 1 ? ", each in a folder of its own" : ""
            return "\(mount) shows \(names.joined(separator: ", "))\(folders).\n"
        case .failure(let error): return "\(mount) would fail: \(Words.safe("\(error)"))\n"
        }
    }

    private func add(_ region: Region, _ indent: String, _ lines: inout [TreeLine]) {
        var branches: [(String, inout [TreeLine]) -> Void] = []
        if let fileSystem = region.fileSystem {
            branches.append { addFileSystem(fileSystem, region, $0, &$1) }
        }
        for candidate in region.candidates {
            branches.append { addFileSystem(candidate, region, $0, &$1, uncertain: true) }
        }
        if let layer = region.layer {
            branches.append { addLayer(layer, region, $0, &$1) }
        }
        if let table = region.table {
            branches.append { addTable(table, $0, &$1) }
        }
        for problem in region.problems { lines.append(.note(indent, "problem", problem)) }
        for (index, branch) in branches.enumerated() {
            let isLast = index == branches.count - 1
            let start = lines.count
            branch(indent + (isLast ? "   " : "│  "), &lines)
            lines[start].branch(indent + (isLast ? "└─ " : "├─ "))
        }
    }

    private func addFileSystem(
        _ found: FileSystemFinding, _ region: Region, _ indent: String, _ lines: inout [TreeLine],
        uncertain: Bool = false
    ) {
        var facts = uncertain ? ["perhaps"] : []
        if let version = found.version { facts.append("version \(Words.safe(version))") }
        if let uuid = found.uuid { facts.append(Words.safe(uuid)) }
        facts.append(found.state == .unknown ? "state unknown" : found.state.rawValue)
        let label = found.label.map { " " + Words.quoted($0) } ?? ""
        lines.append(
            .row(
                indent, found.entry.title + label, found.size ?? region.length,
                facts.joined(separator: ", ")))
        if found.isTruncated, let size = found.size {
            lines.append(
                .note(
                    indent, "truncated",
                    "the file system has \(Words.grouped(size)) bytes, and here are only "
                        + Words.grouped(region.length)))
        }
        if let reason = found.stateReason { lines.append(.note(indent, "state", reason)) }
        for notice in found.notices { lines.append(.note(indent, "note", notice)) }
        if !region.also.isEmpty && !uncertain {
            let others = region.also.joined(separator: ", ")
            lines.append(.note(indent, "note", "it also carries the marks of: \(others)"))
        }
        let verdict = verdict(found.entry)
        let choice = RouteChoice(verdict, entry: found.entry)
        lines.append(.note(indent, "host", "\(Words.answer(verdict)): \(verdict.reason)"))
        let native = choice.nativeIsPossible ? "; --native is possible" : ""
        lines.append(.note(indent, "route", "\(choice.route.rawValue): \(choice.reason)\(native)"))
        lines.append(.note(indent, "writes", found.wouldWrite(.readOnly)))
        lines.append(.note(indent, "--scratch", found.wouldWrite(.scratch)))
        lines.append(.note(indent, "--write", found.wouldWrite(.write)))
    }

    private func addLayer(
        _ layer: LayerEntry, _ region: Region, _ indent: String, _ lines: inout [TreeLine]
    ) {
        let label = region.layerLabel.map { " " + Words.quoted($0) } ?? ""
        lines.append(.row(indent, layer.title + label, region.length, layer.type))
        lines.append(.note(indent, "support", Words.unsupported(layer)))
    }

    private func addTable(
        _ table: PartitionTable, _ indent: String, _ lines: inout [TreeLine]
    ) {
        let identifier = table.identifier.map { ", " + Words.safe($0) } ?? ""
        lines.append(.row(indent, table.type, nil, "partition table\(identifier)"))
        for problem in table.problems { lines.append(.note(indent, "problem", problem)) }
        for (index, partition) in table.partitions.enumerated() {
            let isLast = index == table.partitions.count - 1
            let name = partition.name.map { " " + Words.quoted($0) } ?? ""
            var facts = [
                PartitionTypes.name(partition.type, in: table.type) ?? Words.safe(partition.type)
            ]
            facts.append("at \(Words.grouped(partition.offset))")
            if partition.role != .primary { facts.append(partition.role.rawValue) }
            lines.append(
                .row(
                    indent + (isLast ? "└─ " : "├─ "), "\(partition.number)\(name)",
                    partition.length, facts.joined(separator: ", ")))
            let inner = indent + (isLast ? "   " : "│  ")
            if let problem = partition.problem { lines.append(.note(inner, "problem", problem)) }
            guard let region = partition.region else { continue }
            if region.isUnknown && region.problems.isEmpty {
                lines.append(.note(inner, "content", "nothing was recognised"))
            }
            add(region, inner, &lines)
        }
    }
}

/// One line of the tree.
enum TreeLine {
    /// A layer: indent, name, size in bytes, facts.
    case row(String, String, UInt64?, String)
    /// A remark under a layer: indent, topic, words.
    case note(String, String, String)

    /// Replaces the indent by one that ends in a branch.
    mutating func branch(_ indent: String) {
        if case .row(_, let name, let size, let facts) = self {
            self = .row(indent, name, size, facts)
        }
    }

    /// All lines, with names and sizes in columns.
    static func text(_ lines: [TreeLine]) -> String {
        var nameWidth = 0
        var sizeWidth = 0
        for case .row(let indent, let name, let size, _) in lines {
            nameWidth = max(nameWidth, indent.count + name.count)
            sizeWidth = max(sizeWidth, size.map { Words.size($0).count } ?? 0)
        }
        nameWidth = min(nameWidth, 48)
        var output = ""
        for line in lines {
            switch line {
            case .row(let indent, let name, let size, let facts):
                let size = size.map(Words.size) ?? ""
                output += indent + name
                output += pad(nameWidth - indent.count - name.count)
                output += "  " + pad(sizeWidth - size.count) + size + "  " + facts + "\n"
            case .note(let indent, let topic, let words):
                output += indent + "  " + topic + pad(10 - topic.count) + words + "\n"
            }
        }
        return output
    }

    private static func pad(_ count: Int) -> String {
        String(repeating: " ", count: max(0, count))
    }
}
