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

    @Test func `the root is mounted`() {
        #expect(MountTable.isMounted("/"))
        #expect(!MountTable.isMounted("/no/such/folder"))
    }
}
