import Testing

@testable import Sessions

@Suite struct MountTableTests {
    @Test(arguments: [
        ("/mnt/plain", "/mnt/plain"), (#"/mnt/a\040b"#, "/mnt/a b"), (#"/mnt/a\012b"#, "/mnt/a\nb"),
        (#"/mnt/a\134b"#, #"/mnt/a\b"#), (#"/mnt/end\04"#, #"/mnt/end\04"#), (#"\999"#, #"\999"#),
    ])
    func `the kernel's escapes are undone and nothing else`(field: String, path: String) {
        #expect(MountTable.unescape(field[...]) == path)
    }

    @Test func `a device is found by its number, not by a number that begins alike`() {
        let text = """
            22 1 7:20 / /other rw - ext4 /dev/loop20 rw
            23 1 7:2 / /mnt/a\\040b rw shared:1 - ext4 /dev/loop2 rw
            """
        #expect(MountTable.mountpoint(ofDevice: "7:2", in: text) == "/mnt/a b")
        #expect(MountTable.mountpoint(ofDevice: "7:3", in: text) == nil)
    }

    @Test func `the root is mounted`() {
        #expect(MountTable.isMounted("/"))
        #expect(!MountTable.isMounted("/no/such/folder"))
    }

    @Test func `our mount is found where its folder was moved to, and no other's is taken`() {
        let text = """
            30 22 0:57 / /old/a\\040b rw - fuse.causeway /img/a\\040b.img rw
            31 22 0:58 / /new rw shared:3 - fuse.causeway /img/c.img rw,user_id=0
            32 22 0:59 / /home/x rw - fuse.sshfs /img/d.img rw
            """
        func folder(_ source: String, _ device: String) -> String? {
            MountTable.folder(ofSource: source, device: device, in: text)
        }
        #expect(folder("/img/a b.img", "0:57") == "/old/a b")
        #expect(folder("/img/c.img", "0:58") == "/new")
        #expect(folder("/img/c.img", "0:57") == nil)
        #expect(folder("/img/d.img", "0:59") == nil)
    }
}
