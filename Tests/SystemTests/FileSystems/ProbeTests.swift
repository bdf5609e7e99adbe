import FileSystemLab
import Foundation
import Testing

/// `causeway probe` names every file system, and changes nothing.
@Suite(.tags(.system)) struct ProbeTests {
    @Test(arguments: FileSystem.table)
    func `names the file system, its route and what would be written`(
        fileSystem: FileSystem
    ) throws {
        let image = try Lab.image(of: fileSystem)
        let before = try Lab.sha256(image)
        try Causeway.scoped { causeway in
            let text = try causeway.run(["probe", image])
            #expect(text.isSuccess, "\(text)")
            let outcome = try causeway.run(["probe", image, "--json"])
            #expect(outcome.isSuccess, "\(outcome)")
            let document = try JSONSerialization.jsonObject(with: Data(outcome.output))
            #expect(Self.values(of: "type", in: document).contains(fileSystem.type), "\(outcome)")
            #expect(Self.values(of: "route", in: document).isEmpty == false, "\(outcome)")
        }
        #expect(try Lab.sha256(image) == before)
    }

    /// Every text under a key, anywhere in a document.
    static func values(of key: String, in document: Any) -> [String] {
        switch document {
        case let list as [Any]: list.flatMap { values(of: key, in: $0) }
        case let object as [String: Any]:
            object.flatMap { name, value -> [String] in
                if name == key, let text = value as? String { return [text] }
                if name == key, value is [String: Any] {
                    return ["object"] + values(of: key, in: value)
                }
                return values(of: key, in: value)
            }
        default: []
        }
    }
}
