import GuestWire
import Platform
import Testing
import VirtualMachine

@testable import Appliance

@Suite struct ApplianceTests {
    private func make(
        in folder: TemporaryFolder, wire: UInt32 = GuestWire.version
    ) throws {
        try folder.write("uml/kernel", "kernel")
        try folder.write("uml/initramfs", "initramfs")
        try folder.write("uml/initramfs-blocks", "initramfs-blocks")
        let files = try ApplianceFile.names.map { name in
            ApplianceFile(
                name: name, size: UInt64(name.utf8.count),
                sha256: try Checksums.sha256(ofFile: "\(folder.path)/uml/\(name)"))
        }
        let packaging = Packaging(
            kind: .uml, flavour: .own, release: "6.1", wireVersion: wire, fileSystems: ["ext4"],
            inputs: [], files: files)
        try folder.write("manifest", ApplianceManifest(packagings: [packaging]).text)
    }

    @Test func `a whole appliance gives its paths and passes verification`() throws {
        let folder = try TemporaryFolder()
        try make(in: folder)
        let appliance = try Appliance.locate(directory: folder.path)
        #expect(
            try appliance.paths(for: .uml)
                == AppliancePaths(
                    kernel: "\(folder.path)/uml/kernel", initramfs: "\(folder.path)/uml/initramfs"))
        #expect(
            try appliance.paths(for: .uml, servingBlocks: true)
                == AppliancePaths(
                    kernel: "\(folder.path)/uml/kernel",
                    initramfs: "\(folder.path)/uml/initramfs-blocks"))
        #expect(try appliance.verify().map(\.state) == [.whole, .whole, .whole])
    }

    @Test func `no appliance is an error that names the command`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: ApplianceError.self) {
            try Appliance.locate(directory: folder.path)
        }
        #expect(error?.remedy.contains("causeway appliance build") == true)
        try folder.write("manifest", "causeway-appliance 99\n")
        #expect(throws: ApplianceError.self) { try Appliance.locate(directory: folder.path) }
    }

    @Test(arguments: [HypervisorKind.kvm, .tcg])
    func `a packaging that was not built is an error`(kind: HypervisorKind) throws {
        let folder = try TemporaryFolder()
        try make(in: folder)
        let appliance = try Appliance.locate(directory: folder.path)
        let error = #expect(throws: ApplianceError.self) { try appliance.paths(for: kind) }
        #expect(error?.remedy.contains("--for qemu") == true)
    }

    @Test func `an agent of another protocol version is an error`() throws {
        let folder = try TemporaryFolder()
        try make(in: folder, wire: GuestWire.version + 1)
        let appliance = try Appliance.locate(directory: folder.path)
        #expect(throws: ApplianceError.self) { try appliance.paths(for: .uml) }
    }

    @Test func `a file that is missing or cut is an error before anything boots`() throws {
        let folder = try TemporaryFolder()
        try make(in: folder)
        let appliance = try Appliance.locate(directory: folder.path)
        try folder.write("uml/kernel", "kern")
        #expect(throws: ApplianceError.self) { try appliance.paths(for: .uml) }
        #expect(try appliance.verify().map(\.state) == [.size(4, expected: 6), .whole, .whole])
        try Files.remove("\(folder.path)/uml/kernel")
        #expect(throws: ApplianceError.self) { try appliance.paths(for: .uml) }
        #expect(try appliance.verify().map(\.state) == [.missing, .whole, .whole])
    }

    @Test func `verification finds a changed byte`() throws {
        let folder = try TemporaryFolder()
        try make(in: folder)
        try folder.write("uml/kernel", "kernem")
        let states = try Appliance.locate(directory: folder.path).verify().map(\.state)
        guard case .content(let found, let expected) = try #require(states.first) else {
            Issue.record("the change was not found: \(states)")
            return
        }
        #expect(found != expected)
        #expect(states.last == .whole)
    }

    @Test func `the digest is SHA-256`() throws {
        let folder = try TemporaryFolder()
        try folder.write("abc", "abc")  // FIPS 180-4's own example
        #expect(
            try Checksums.sha256(ofFile: "\(folder.path)/abc")
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(throws: ApplianceError.self) { try Checksums.sha256(ofFile: folder.path) }
    }
}
