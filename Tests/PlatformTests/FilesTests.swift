import Glibc
import Platform
import Testing

/// A folder of one test, removed at its end.
final class Scratch {
    let path: String

    init() throws {
        let name = Host.randomBytes(8).map { String($0, radix: 16) }.joined()
        path = "/tmp/causeway-platform-\(name)"
        try Files.makeDirectories(path)
    }

    deinit { _ = try? ChildProcess.run(SpawnOptions(path: "/bin/rm", arguments: ["-rf", path])) }
}

/// Whether something comes true within a minute.
///
/// For what ends with a descriptor: a child that another test starts at this very moment has copies
/// of all of them, with their claims and listeners, until it runs its program.
func soon(_ condition: () throws -> Bool) throws -> Bool {
    let deadline = Clock.milliseconds() + 60_000
    while Clock.milliseconds() < deadline {
        if try condition() { return true }
        _ = try Descriptors.poll([], milliseconds: 1)
    }
    return false
}

@Suite struct FilesTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `a block device that does not come is waited for in vain, for so long`() throws {
        let path = "\(scratch.path)/disk"
        #expect(!Files.waitForBlockDevice(path, milliseconds: 20))
        try Files.replace(path, with: [1])
        #expect(!Files.waitForBlockDevice(path, milliseconds: 0), "a file is no device")
    }

    @Test func `replaces a file as a whole and leaves nothing beside it`() throws {
        let path = "\(scratch.path)/file"
        try Files.replace(path, with: [1, 2, 3], mode: 0o640)
        try Files.replace(path, with: [4], mode: 0o640)
        #expect(try Files.read(path) == [4])
        #expect(try Files.list(scratch.path) == ["file"])
        let status = try Files.status(path)
        #expect(status.kind == .file && status.size == 1)
    }

    @Test func `syncs folders, and nothing else by that name`() throws {
        try Files.syncDirectory(scratch.path)
        // The kernel's folder of processes cannot be synced, which is no error.
        try Files.syncDirectory("/proc")
        let path = "\(scratch.path)/file"
        try Files.replace(path, with: [1])
        #expect(throws: SystemError.self) { try Files.syncDirectory(path) }
        #expect(throws: SystemError.self) { try Files.syncDirectory("\(scratch.path)/none") }
    }

    @Test func `reads no more than the limit`() throws {
        #expect(try Files.read("/dev/zero", limit: 100_000).count == 100_000)
    }

    @Test func `reads at an offset, and fewer bytes only at the end`() throws {
        let path = "\(scratch.path)/file"
        try Files.replace(path, with: Array(0..<100))
        let file = try Files.open(path, .readOnly)
        #expect(try Files.read(file, at: 90, count: 5) == [90, 91, 92, 93, 94])
        #expect(try Files.read(file, at: 98, count: 5) == [98, 99])
        #expect(try Files.read(file, at: 200, count: 5).isEmpty)
    }

    @Test func `tells links from what they point to`() throws {
        let link = "\(scratch.path)/link"
        #expect(symlink("nowhere", link) == 0)
        #expect(try Files.status(link, followLinks: false).kind == .symbolicLink)
        #expect(try Files.readLink(link) == "nowhere")
        #expect(throws: SystemError.self) { try Files.status(link) }
        let error = #expect(throws: SystemError.self) {
            try Files.open(link, [.readOnly, .noFollow])
        }
        #expect(error?.errno == ELOOP)
    }

    @Test func `makes parents, and existing folders are no error`() throws {
        let deep = "\(scratch.path)/a/b/c"
        try Files.makeDirectories(deep)
        try Files.makeDirectories(deep)
        #expect(try Files.status(deep).mode == 0o700)
        let error = #expect(throws: SystemError.self) { try Files.makeDirectories("/dev/null/x") }
        #expect(error?.errno == ENOTDIR)
    }

    @Test func `removing what is not there is no error`() throws {
        try Files.remove("\(scratch.path)/absent")
        try Files.removeDirectory("\(scratch.path)/absent")
    }

    @Test func `sets sizes and names errors by call and file`() throws {
        let path = "\(scratch.path)/file"
        let file = try Files.open(path, [.readWrite, .create, .exclusive])
        try Files.truncate(file, to: 1 << 33)
        #expect(try Files.geometry(file).size == 1 << 33)
        #expect(try Files.geometry(file).logicalSector == 512)
        let error = #expect(throws: SystemError.self) {
            try Files.open(path, [.readWrite, .create, .exclusive])
        }
        #expect(error == SystemError(errno: EEXIST, call: "open \(path)"))
        #expect(
            "\(SystemError(errno: ENOENT, call: "open x"))" == "open x: No such file or directory")
    }

    @Test func `a claim excludes another open file until it is closed`() throws {
        let path = "\(scratch.path)/claimed"
        var first: OwnedFD? = try Files.open(path, [.readWrite, .create])
        let second = try Files.open(path, [.readOnly])
        #expect(try Files.isClaimed(second) == false)
        #expect(try Files.claim(#require(first)))
        #expect(try Files.isClaimed(second))
        #expect(try Files.claim(second) == false)
        first = nil
        #expect(try soon { try Files.claim(second) })
    }

    @Test func `a replacement that fails leaves nothing beside what was there`() throws {
        let path = "\(scratch.path)/folder"
        try Files.makeDirectories(path)
        // A file cannot be renamed over a folder.
        #expect(throws: SystemError.self) { try Files.replaceDurably(path, with: [1]) }
        #expect(try Files.list(scratch.path) == ["folder"])
        try Files.replaceDurably("\(path)/file", with: [1, 2])
        #expect(try Files.read("\(path)/file") == [1, 2])
    }

    @Test func `a device has the name of the kernel's tables`() throws {
        #expect(try Files.status("/dev/null").specialDeviceName == "1:3")
        // makedev(0xabcde, 0x12345), as <sys/sysmacros.h> has it.
        #expect(BlockNode.name(of: 0xab0_0012_3cde_45) == "703710:74565")
    }

    @Test func `the name of a socket that somebody else has bound anew is left alone`() throws {
        let path = "\(scratch.path)/socket"
        let first = try UnixSocket.listen(at: path)
        let name = try #require(SocketName(path))
        #expect(name.isCurrent && SocketName("\(path).none") == nil)
        try Files.remove(path)
        let second = try UnixSocket.listen(at: path)
        name.remove()
        #expect(Files.exists(path) && !name.isCurrent)
        try #require(SocketName(path)).remove()
        #expect(!Files.exists(path))
        withExtendedLifetime((first, second)) {}
    }
}
