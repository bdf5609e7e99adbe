import FileSystemLab
import Foundation
import Platform
import Testing

/// Mounts and unmounts, again and again, leave nothing behind.
@Suite(.tags(.system), .serialized) struct LoopTests {
    @Test func `many mounts leave no process, namespace, descriptor, lock or file`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            for round in 0..<Settings.rounds(8, full: 2000) {
                let options = [[], ["--scratch"]][round % 2]
                try causeway.withMount(image, options) { mounted in
                    let text = try mounted.path("big/text").read()
                    #expect(text.count == 3 << 20)
                }
                // At once: when unmount has returned, the lock is released. Asked, not claimed: a
                // child that another test starts now would hold the claim for a moment longer.
                let isLocked = try Files.isClaimed(try Files.open(image, .readOnly))
                #expect(!isLocked, "the source is still locked: \(round)")
                causeway.expectNothingLeft()
                if round % 2 == 1 {
                    let discard = try causeway.run(["discard", image])
                    #expect(discard.isSuccess, "\(discard)")
                }
            }
        }
    }

    @Test func `several sources are mounted at once`() throws {
        let names = ["ext4", "xfs", "fat16", "squashfs", "minix1", "iso9660-joliet"]
        try Causeway.scoped { causeway in
            let mounts = try names.map { name in
                try causeway.mount(try causeway.copy(name), at: name)
            }
            #expect(try causeway.sessions().count == names.count)
            for mounted in mounts { #expect(try mounted.path("big/noise").read().count > 1 << 18) }
            for mounted in mounts { try causeway.unmount(mounted.folder) }
            #expect(try causeway.sessions().isEmpty)
        }
    }
}
