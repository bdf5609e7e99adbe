import FileSystemLab
import Platform
import Testing

@Suite struct TreePlanTests {
    @Test func `the same traits give the same tree, others another one`() {
        let plan = TreePlan(traits: .posix)
        #expect(plan.entries == TreePlan(traits: .posix).entries)
        #expect(plan.entries != TreePlan(traits: .posix, seed: 2).entries)
        #expect(plan.entries.count > 2400)
    }

    @Test(arguments: FileSystem.table)
    func `holds nothing that the file system cannot`(fileSystem: FileSystem) {
        let traits = fileSystem.traits
        for entry in TreePlan(traits: traits).entries {
            let name = entry.path.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
            #expect(traits.allows(name: name), "\(RawPath(name))")
            switch entry.item {
            case .symlink(let target):
                #expect(traits.symlinks && target.count <= traits.targetBytes)
            case .hardLink: #expect(traits.hardLinks)
            case .pipe: #expect(traits.pipes)
            default: break
            }
            if let time = entry.nanoseconds { #expect(traits.kept(nanoseconds: time) == time) }
        }
    }

    @Test func `no two files have the same content`() {
        var seen: Set<[UInt8]> = []
        for entry in TreePlan(traits: .posix.with { $0.profile = .small }).entries {
            guard case .file(let content, _) = entry.item, content.size > 0 else { continue }
            #expect(seen.insert(content.bytes).inserted, "\(RawPath(entry.path))")
            #expect(content.bytes.count == content.size)
        }
    }

    @Test func `covers the awkward names`() {
        let names = Set(TreePlan.names(.posix))
        #expect(names.contains(Array("new\nline".utf8)))
        #expect(names.contains([UInt8](repeating: UInt8(ascii: "x"), count: 255)))
        #expect(names.contains { String(validating: $0, as: UTF8.self) == nil })
    }
}
