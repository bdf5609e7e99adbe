import Testing

@testable import Appliance

@Suite struct ApplianceManifestTests {
    private static let digest = String(repeating: "0123456789abcdef", count: 4)

    private static let text = """
        causeway-appliance 2
        packaging uml
        flavour own
        release 6.1.192-causeway
        wire 1
        filesystem ext4
        filesystem xfs
        input linux-source-6.1 6.1.192-2 \(digest)
        input gcc gcc_12.2.0 -
        file kernel 15409464 \(digest)
        file initramfs 7135232 \(digest)
        file initramfs-blocks 24135232 \(digest)

        """

    @Test func `what is read is written again, byte for byte`() throws {
        let manifest = try ApplianceManifest(text: Self.text)
        #expect(manifest.text == Self.text)
        let packaging = try #require(manifest[.uml])
        #expect(packaging.flavour == .own)
        #expect(packaging.release == "6.1.192-causeway")
        #expect(packaging.wireVersion == 1)
        #expect(packaging.fileSystems == ["ext4", "xfs"])
        #expect(packaging.inputs.map(\.name) == ["linux-source-6.1", "gcc"])
        #expect(packaging.files.map(\.size) == [15_409_464, 7_135_232, 24_135_232])
        #expect(manifest[.qemu] == nil)
    }

    @Test func `a packaging takes the place of the one of its kind`() throws {
        var manifest = try ApplianceManifest(text: Self.text)
        var other = try #require(manifest[.uml])
        other.kind = .qemu
        manifest.replace(other)
        other.kind = .uml
        other.flavour = .distro
        manifest.replace(other)
        #expect(manifest.packagings.map(\.kind) == [.uml, .qemu])
        #expect(manifest[.uml]?.flavour == .distro)
        #expect(manifest[.qemu]?.flavour == .own)
        #expect(try ApplianceManifest(text: manifest.text) == manifest)
    }

    @Test(arguments: [
        ("causeway-appliance 2", "causeway-appliance 3"),
        ("packaging uml", "packaging vmware"),
        ("packaging uml\n", ""),
        ("flavour own", "flavour mine"),
        ("flavour own\n", ""),
        ("flavour own", "flavour own\nflavour own"),
        ("release 6.1.192-causeway", "release"),
        ("release 6.1.192-causeway", "release a b"),
        ("wire 1", "wire -1"),
        ("wire 1", "wire 4294967296"),
        ("wire 1\n", ""),
        ("file kernel", "file ../kernel"),
        ("file kernel", "file other"),
        ("file initramfs", "file kernel"),
        ("15409464", "15409464x"),
        (String(digest), "xyz"),
        ("filesystem ext4", "filesystem  ext4"),
        ("filesystem ext4", "colour green"),
        ("filesystem xfs", "packaging uml"),
        ("filesystem xfs", ""),
        ("24135232 \(digest)\n", "24135232 \(digest)"),
        ("file initramfs-blocks 24135232 \(digest)\n", ""),
        ("file initramfs-blocks", "file initramfs"),
    ])
    func `a line that is not defined is refused`(old: String, new: String) throws {
        let at = try #require(Self.text.lastRange(of: old))
        let text = Self.text.replacingCharacters(at, with: new)
        #expect(throws: ManifestError.self) { try ApplianceManifest(text: text) }
    }

    @Test func `every cut is refused`() {
        for count in 0..<Self.text.utf8.count {
            let cut = String(Self.text.prefix(count))
            #expect(throws: ManifestError.self) { try ApplianceManifest(text: cut) }
        }
    }

    @Test func `a manifest without end is refused`() {
        let lines = String(repeating: "filesystem a\n", count: ApplianceManifest.Limits.lines)
        #expect(throws: ManifestError.self) {
            try ApplianceManifest(text: "causeway-appliance 2\npackaging uml\n" + lines)
        }
    }
}

extension String {
    fileprivate func lastRange(of other: String) -> Range<String.Index>? {
        ranges(of: other).last
    }

    fileprivate func replacingCharacters(
        _ range: Range<String.Index>, with other: String
    ) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
