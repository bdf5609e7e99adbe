import CFUSE
import Glibc
import GuestWire
import NFSWire
import Testing

@testable import Bridge

/// Files that are open while their names go away, and what programs ask beside reading.
@Suite struct OpenFileTests {
    private func benchWithFile(links: UInt32 = 1) throws -> (Bench, UInt64) {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1, FakeServer.attributes(links: links))
        let ok = FakeServer.words([0, 0, 0, 0, 0])
        for procedure: UInt32 in [12, 14, 15] { bench.guest.handlers[procedure] = { _ in ok } }
        bench.guest.handlers[9] = { _ in
            FakeServer.created(Bench.handle(99), FakeServer.attributes(type: 2))
        }
        bench.guest.forgetCalls()
        return (bench, node)
    }

    private func answerLookups(_ bench: Bench, links: UInt32 = 1) {
        bench.guest.handlers[3] = { call in
            call.arguments.contains(UInt8(ascii: "c"))
                ? FakeServer.found(Bench.handle(99), FakeServer.attributes(type: 2))
                : FakeServer.found(Bench.handle(1), FakeServer.attributes(links: links))
        }
    }

    @Test func `removes a file that is not open at once`() throws {
        let (bench, _) = try benchWithFile()
        #expect(try bench.ask(FUSE_UNLINK, Bench.name("a")).errno == 0)
        #expect(bench.guest.procedures == [12])
    }

    @Test func `moves an open file aside, shows it without a name, and removes it at close`() throws
    {
        let (bench, node) = try benchWithFile()
        let handle = try bench.open(node)
        answerLookups(bench)
        #expect(try bench.ask(FUSE_UNLINK, Bench.name("a")).errno == 0)
        #expect(bench.guest.procedures == [3, 9, 3, 14])
        bench.guest.handlers[1] = { _ in [0, 0, 0, 0] + FakeServer.attributes() }
        let attributes = try bench.ask(
            FUSE_GETATTR, node: node, Bench.bytes(fuse_getattr_in())
        ).value(fuse_attr_out.self)
        #expect(attributes.attr.nlink == 0)
        var release = fuse_release_in()
        release.fh = handle
        #expect(try bench.ask(FUSE_RELEASE, node: node, Bench.bytes(release)).errno == 0)
        try bench.settle()
        #expect(bench.guest.procedures.last == 12)
    }

    @Test func `empties its hidden folder before it removes it`() throws {
        let (bench, node) = try benchWithFile()
        _ = try bench.open(node)
        answerLookups(bench)
        #expect(try bench.ask(FUSE_UNLINK, Bench.name("a")).errno == 0)
        bench.guest.handlers[12] = { _ in nil }
        var result: Int32?
        bench.server.drain { result = $0 }
        try bench.settle()
        #expect(bench.guest.procedures.last == 12 && result == nil)
        bench.server.loseGuest("test")
        #expect(result == EIO)
    }

    @Test func `removes one of several names of an open file as it is`() throws {
        let (bench, node) = try benchWithFile(links: 2)
        _ = try bench.open(node)
        answerLookups(bench, links: 2)
        #expect(try bench.ask(FUSE_UNLINK, Bench.name("a")).errno == 0)
        #expect(bench.guest.procedures == [3, 12])
    }

    @Test func `links an open file aside before another takes its name`() throws {
        let (bench, node) = try benchWithFile()
        _ = try bench.open(node)
        bench.guest.handlers[3] = { call in
            if call.arguments.contains(UInt8(ascii: "c")) {
                return FakeServer.found(Bench.handle(99), FakeServer.attributes(type: 2))
            }
            return call.arguments.contains(UInt8(ascii: "b"))
                ? FakeServer.found(Bench.handle(2), FakeServer.attributes(id: 3))
                : FakeServer.found(Bench.handle(1), FakeServer.attributes())
        }
        let input = fuse_rename_in(newdir: 1)
        let body = Bench.bytes(input) + Bench.name("b") + Bench.name("a")
        #expect(try bench.ask(FUSE_RENAME, body).errno == 0)
        #expect(bench.guest.procedures == [3, 3, 9, 3, 15, 14])
    }

    @Test func `takes the hidden name back where the rename fails`() throws {
        let (bench, node) = try benchWithFile()
        _ = try bench.open(node)
        bench.guest.handlers[3] = { call in
            if call.arguments.contains(UInt8(ascii: "c")) {
                return FakeServer.found(Bench.handle(99), FakeServer.attributes(type: 2))
            }
            return call.arguments.contains(UInt8(ascii: "b"))
                ? FakeServer.found(Bench.handle(2), FakeServer.attributes(id: 3))
                : FakeServer.found(Bench.handle(1), FakeServer.attributes())
        }
        bench.guest.handlers[14] = { _ in FakeServer.words([13, 0, 0, 0, 0]) }
        let body = Bench.bytes(fuse_rename_in(newdir: 1)) + Bench.name("b") + Bench.name("a")
        #expect(try bench.ask(FUSE_RENAME, body).errno == EACCES)
        try bench.settle()
        #expect(bench.guest.procedures.last == 12)
        #expect(bench.server.nodes[node]?.state?.hidden == nil)
    }

    @Test func `refuses to exchange two names`() throws {
        let (bench, _) = try benchWithFile()
        let input = fuse_rename2_in(newdir: 1, flags: 2, padding: 0)
        let body = Bench.bytes(input) + Bench.name("a") + Bench.name("b")
        #expect(try bench.ask(FUSE_RENAME2, body).errno == EINVAL)
        #expect(bench.guest.calls.isEmpty)
    }

    private func getAttribute(_ bench: Bench, _ node: UInt64, _ name: String) throws -> Int32 {
        let input = fuse_getxattr_in(size: 0, padding: 0)
        return try bench.ask(FUSE_GETXATTR, node: node, Bench.bytes(input) + Bench.name(name)).errno
    }

    @Test func `asks the agent for attributes of users only`() throws {
        let (bench, node) = try benchWithFile()
        for name in ["security.selinux", "security.capability", "system.posix_acl_access"] {
            #expect(try getAttribute(bench, node, name) == EOPNOTSUPP)
        }
        #expect(bench.agent.requests.isEmpty)
        bench.agent.answer = { _ in .data([1, 2, 3]) }
        #expect(try getAttribute(bench, node, "user.a") == 0)
        #expect(bench.agent.requests.count == 1)
    }

    @Test func `asks no more where a file system has no attributes`() throws {
        let (bench, node) = try benchWithFile()
        bench.agent.answer = { _ in
            .failed(GuestFailure(step: .file, errno: EOPNOTSUPP, message: "no"))
        }
        for _ in 0..<3 { #expect(try getAttribute(bench, node, "user.a") == EOPNOTSUPP) }
        #expect(bench.agent.requests.count == 1)
    }

    @Test func `lists only names that can be asked for`() throws {
        let (bench, node) = try benchWithFile()
        bench.agent.answer = { _ in
            .data(Array("security.selinux\0user.a\0system.posix_acl_access\0user.b\0".utf8))
        }
        let input = fuse_getxattr_in(size: 100, padding: 0)
        let answer = try bench.ask(FUSE_LISTXATTR, node: node, Bench.bytes(input))
        #expect(answer.bytes == Array("user.a\0user.b\0".utf8))
    }

    @Test func `asks nothing of a folder that it made and of what was just told`() throws {
        let bench = try Bench { guest in
            guest.handlers[16] = { _ in FakeServer.listed16([("lost+found", 1)]) }
            guest.handlers[3] = { call in
                call.arguments.contains(0x6c)
                    ? FakeServer.found(Bench.handle(5), FakeServer.attributes(type: 2))
                    : FakeServer.words([2, 0])
            }
        }
        bench.guest.handlers[9] = { _ in
            FakeServer.created(Bench.handle(7), FakeServer.attributes(type: 2))
        }
        let input = fuse_mkdir_in(mode: 0o755, umask: 0)
        let made = try bench.ask(FUSE_MKDIR, Bench.bytes(input) + Bench.name("d"))
        let folder = try made.value(fuse_entry_out.self).nodeid
        bench.guest.forgetCalls()
        let looked = try bench.ask(FUSE_LOOKUP, node: folder, Bench.name("f"))
        #expect(try looked.value(fuse_entry_out.self).nodeid == 0)
        #expect(bench.guest.calls.isEmpty)
    }
}
