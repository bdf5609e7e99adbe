import Foundation

/// The tree that the rules are applied to: the one this file is in.
enum Tree {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Every text file that belongs to the project.
    static let files: [SourceText] = paths.compactMap { path in
        guard let text = try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) else {
            return nil
        }
        return SourceText(path: path, text: text)
    }

    /// The layer of every room, from the folders below Sources.
    static let rooms: [String: String] = {
        var rooms: [String: String] = [:]
        for layer in folders("Sources") {
            for room in folders("Sources/\(layer)") { rooms[room] = layer }
        }
        return rooms
    }()

    /// The names of the folders in a folder of the tree.
    static func folders(_ path: String) -> [String] {
        let base = "\(root)/\(path)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
        return names.filter { name in
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(
                atPath: "\(base)/\(name)", isDirectory: &isFolder)
            return exists && isFolder.boolValue && !name.hasPrefix(".")
        }.sorted()
    }

    private static let paths: [String] = {
        let kinds = [
            "swift", "c", "h", "md", "json", "txt", "sh", "config", "fragment", "modulemap", "",
        ]
        guard let walker = FileManager.default.enumerator(atPath: root) else { return [] }
        var paths: [String] = []
        while let path = walker.nextObject() as? String {
            let name = path.split(separator: "/").last ?? ""
            if name.hasPrefix(".build") || name == ".git" || name == "dist" {
                walker.skipDescendants()
                continue
            }
            if kinds.contains(URL(filePath: path).pathExtension) { paths.append(path) }
        }
        return paths.sorted()
    }()
}
