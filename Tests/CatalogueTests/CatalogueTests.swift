import Testing

@testable import Catalogue

@Suite struct CatalogueTests {
    private let catalogue = Catalogue.standard

    /// Block file systems that the guest's kernel registers: register_filesystem in Linux 6.1's
    /// fs/, with every one of these configured.
    private let guestDrivers: Set<String> = [
        "adfs", "affs", "befs", "bfs", "btrfs", "cramfs", "efs", "erofs", "exfat", "ext2", "ext3",
        "ext4", "f2fs", "hfs", "hfsplus", "hpfs", "iso9660", "jfs", "minix", "msdos", "nilfs2",
        "ntfs3", "omfs", "qnx4", "qnx6", "reiserfs", "romfs", "squashfs", "sysv", "udf", "ufs",
        "v7", "vfat", "vxfs", "xfs",
    ]

    /// Those without export operations: no `s_export_op` in Linux 6.1's fs/NAME.
    private let notExportable: Set<String> = [
        "adfs", "bfs", "cramfs", "exfat", "hfs", "hfsplus", "hpfs", "minix", "omfs", "qnx4",
        "qnx6", "romfs", "sysv", "vxfs",
    ]

    @Test func `holds every file system of the product's promise`() {
        let promised = [
            "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "nilfs2", "jfs", "reiserfs", "vfat",
            "exfat", "ntfs", "udf", "iso9660", "squashfs", "erofs", "cramfs", "romfs", "minix",
            "hfs", "hfsplus",
        ]
        for name in promised { #expect(catalogue.fileSystem(named: name) != nil, "\(name)") }
    }

    @Test func `names and types are unique`() {
        let names = catalogue.fileSystems.map(\.name)
        #expect(Set(names).count == names.count)
        let types = catalogue.fileSystems.flatMap(\.types) + catalogue.layers.map(\.type)
        #expect(Set(types).count == types.count)
    }

    @Test func `every file system can be detected and mounted`() {
        for entry in catalogue.fileSystems {
            #expect(!(entry.types.isEmpty && entry.signatures.isEmpty), "\(entry.name)")
            #expect(!entry.drivers.isEmpty, "\(entry.name)")
            #expect(guestDrivers.isSuperset(of: entry.drivers), "\(entry.name)")
            #expect(!entry.host.kernel.isEmpty, "\(entry.name)")
            #expect(entry.names.maxBytes > 0, "\(entry.name)")
        }
    }

    @Test func `every driver of the guest is used`() {
        #expect(Set(catalogue.fileSystems.flatMap(\.drivers)) == guestDrivers)
    }

    @Test func `file systems without export operations go through the pass-through`() {
        for entry in catalogue.fileSystems {
            for rules in [entry.readOnly, entry.readWrite].compactMap({ $0 }) {
                let mustPass = notExportable.contains(entry.drivers[0])
                // FAT can be exported, and its handles go stale when it is written.
                let mayPass = mustPass || entry.name == "vfat"
                #expect(!mustPass || rules.road == .passThrough, "\(entry.name)")
                #expect(mayPass || rules.road == .kernel, "\(entry.name)")
            }
        }
    }

    @Test func `drivers that only read have no way to write`() {
        let readers: Set<String> = [
            "adfs", "befs", "cramfs", "efs", "erofs", "iso9660", "qnx4", "qnx6", "romfs",
            "squashfs", "ufs", "vxfs",
        ]
        for entry in catalogue.fileSystems {
            #expect((entry.readWrite == nil) == readers.contains(entry.name), "\(entry.name)")
        }
    }

    @Test func `options are words without spaces`() {
        for entry in catalogue.fileSystems {
            for rules in [entry.readOnly, entry.readWrite].compactMap({ $0 }) {
                for options in [rules.options] + rules.optionsWhen.map(\.options) {
                    #expect(!options.contains(" ") && !options.hasPrefix(","), "\(entry.name)")
                }
            }
        }
    }

    @Test func `a journal that is never replayed is a trap that is written down`() {
        for entry in catalogue.fileSystems where entry.journal == .neverReplayed {
            #expect(entry.whenDirty.read != .replayed, "\(entry.name)")
            #expect(!entry.traps.isEmpty, "\(entry.name)")
        }
    }

    @Test func `image formats have signatures`() {
        for container in catalogue.containers {
            #expect(!container.signatures.isEmpty, "\(container.title)")
        }
        #expect(catalogue.containers.contains { $0.format == "qcow2" })
    }

    @Test func `finds entries by libblkid's types`() {
        #expect(catalogue.fileSystem(type: "vfat")?.name == "vfat")
        #expect(catalogue.fileSystem(type: "xenix")?.name == "sysv")
        #expect(catalogue.fileSystem(type: "crypto_LUKS") == nil)
        #expect(catalogue.layer(type: "crypto_LUKS")?.kind == .encryption)
    }
}

@Suite struct CatalogueDecodingTests {
    private func cause(_ text: String) -> String {
        do {
            _ = try Catalogue(parsing: Array(text.utf8))
            return "parsed"
        } catch {
            return error.description
        }
    }

    private func entry(_ extra: String = "", drivers: String = "[\"x\"]") -> String {
        """
        {"schema": 1, "layers": [], "containers": [], "fileSystems": [{"name": "x", "title": "X",
        "drivers": \(drivers), "readOnly": {"options": "", "road": "kernel"}, "journal": "none",
        "tools": {"packages": []}, "host": {"kernel": ["x"], "module": "x"},
        "names": {"encoding": "bytes", "caseSensitive": true, "maxBytes": 255}, "traps": []
        \(extra)}]}
        """
    }

    @Test func `takes a minimal entry`() {
        #expect(cause(entry()) == "parsed")
    }

    @Test func `says where a mistake is`() {
        #expect(cause("[]").contains("document: not an object"))
        #expect(cause("{").contains("document: expected"))
        #expect(cause("{\"schema\": 2}").contains("schema"))
        #expect(cause(entry(drivers: "7")).contains("fileSystems[0].drivers: not an array"))
        #expect(cause(entry(", \"colour\": 1")).contains("fileSystems[0]: unknown member colour"))
        #expect(cause(entry(", \"anchor\": -1")).contains("fileSystems[0].anchor: not a number"))
        #expect(
            cause(entry(", \"stateReader\": \"zfs\"")).contains("not one of the known words"))
        #expect(
            cause(entry(", \"states\": [{\"when\": \"u8 == 1\", \"state\": \"dirty\"}]"))
                .contains("fileSystems[0].states[0].when: not a condition"))
        #expect(
            cause(entry(", \"signatures\": [[\"xyz@1\"]]")).contains("not a signature"))
    }
}
