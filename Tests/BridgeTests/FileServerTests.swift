import CFUSE
import Glibc
import NFSWire
import Platform
import Testing

@testable import Bridge

@Suite struct FileServerTests {
    @Test func `works on the relaxed export`() throws {
        let bench = try Bench()
        _ = try bench.lookUp("a", handle: 1)
        #expect(
            bench.guest.calls.last?.arguments.dropFirst(4).prefix(8) == [1, 0, 1, 0, 3, 0, 0, 0])
    }

    @Test func `shows every file as the user's, whoever owns it on the disk`() throws {
        let bench = try Bench()
        bench.guest.handlers[3] = { _ in
            FakeServer.found(Bench.handle(1), FakeServer.attributes(user: 4711, size: 5))
        }
        let entry = try bench.ask(FUSE_LOOKUP, Bench.name("a")).value(fuse_entry_out.self)
        #expect(entry.attr.uid == 1000 && entry.attr.gid == 1000 && entry.attr.size == 5)
        #expect(entry.attr.mode == UInt32(S_IFREG) | 0o644)
    }

    @Test func `shows owners as they are where that is asked for`() throws {
        let bench = try Bench(
            options: BridgeOptions(user: 0, group: 0, faithful: true, readOnly: false))
        bench.guest.handlers[3] = { _ in
            FakeServer.found(Bench.handle(1), FakeServer.attributes(user: 4711))
        }
        let entry = try bench.ask(FUSE_LOOKUP, Bench.name("a")).value(fuse_entry_out.self)
        #expect(entry.attr.uid == 4711)
    }

    @Test func `gives a file to nobody else`() throws {
        let bench = try Bench()
        let node = try bench.lookUp("a", handle: 1)
        var input = fuse_setattr_in()
        input.valid = UInt32(FATTR_UID)
        input.uid = 5
        #expect(try bench.ask(FUSE_SETATTR, node: node, Bench.bytes(input)).errno == EPERM)
        input.uid = 1000
        bench.guest.handlers[1] = { _ in [0, 0, 0, 0] + FakeServer.attributes() }
        #expect(try bench.ask(FUSE_SETATTR, node: node, Bench.bytes(input)).errno == 0)
        #expect(!bench.guest.procedures.contains(2))
    }

    @Test func `makes a file under its folder's owner`() throws {
        let bench = try Bench { guest in
            guest.handlers[1] = { _ in
                [0, 0, 0, 0] + FakeServer.attributes(type: 2, mode: 0o755, user: 77)
            }
        }
        bench.guest.handlers[8] = { _ in
            FakeServer.created(Bench.handle(9), FakeServer.attributes(user: 77))
        }
        var input = fuse_create_in()
        input.mode = UInt32(S_IFREG) | 0o600
        input.flags = UInt32(O_CREAT | O_EXCL | O_RDWR)
        let answer = try bench.ask(FUSE_CREATE, Bench.bytes(input) + Bench.name("n"))
        #expect(answer.errno == 0)
        let call = try #require(bench.guest.calls.first { $0.procedure == 8 })
        let expected = FakeServer.words([1, 1, 0o600, 1, 77, 1, 77, 0, 0, 0])
        #expect(Array(call.arguments.suffix(expected.count)) == expected)
    }

    @Test func `remembers that a name is not there`() throws {
        let bench = try Bench { guest in
            guest.handlers[16] = { _ in FakeServer.listed16([("lost+found", 1)]) }
            guest.handlers[3] = { call in
                call.arguments.contains(0x6c)
                    ? FakeServer.found(Bench.handle(5), FakeServer.attributes(type: 2))
                    : FakeServer.words([2, 0])
            }
        }
        let answer = try bench.ask(FUSE_LOOKUP, Bench.name("x"))
        #expect(answer.errno == 0)
        let entry = try answer.value(fuse_entry_out.self)
        #expect(entry.nodeid == 0 && entry.entry_valid > 60)
    }

    @Test func `keeps no names where spelling does not matter`() throws {
        let bench = try Bench { guest in
            guest.handlers[20] = { _ in FakeServer.words([0, 0, 32000, 255, 1, 1, 1, 1]) }
        }
        #expect(try bench.ask(FUSE_LOOKUP, Bench.name("x")).errno == ENOENT)
        bench.guest.handlers[3] = { _ in
            FakeServer.found(Bench.handle(1), FakeServer.attributes())
        }
        let entry = try bench.ask(FUSE_LOOKUP, Bench.name("y")).value(fuse_entry_out.self)
        #expect(entry.entry_valid <= 1)
    }

    @Test func `refuses names longer than the file system's`() throws {
        let bench = try Bench()
        let long = String(repeating: "n", count: 256)
        #expect(try bench.ask(FUSE_LOOKUP, Bench.name(long)).errno == ENAMETOOLONG)
        #expect(bench.guest.calls.isEmpty)
    }

    @Test func `hides and protects its own names`() throws {
        let bench = try Bench()
        let name = String(decoding: FileServer.hiddenPrefix, as: UTF8.self)
        let found = try bench.ask(FUSE_LOOKUP, Bench.name(name))
        let isAbsent = try found.errno == ENOENT || found.value(fuse_entry_out.self).nodeid == 0
        #expect(isAbsent)
        let input = fuse_mkdir_in(mode: 0o755, umask: 0)
        #expect(
            try bench.ask(FUSE_MKDIR, Bench.bytes(input) + Bench.name(name)).errno == EPERM)
        #expect(bench.guest.calls.isEmpty)
    }

    @Test func `changes nothing that is read-only`() throws {
        let bench = try Bench(options: BridgeOptions(user: 0, group: 0, readOnly: true))
        let input = fuse_mkdir_in(mode: 0o755, umask: 0)
        #expect(try bench.ask(FUSE_MKDIR, Bench.bytes(input) + Bench.name("d")).errno == EROFS)
        #expect(try bench.ask(FUSE_UNLINK, Bench.name("d")).errno == EROFS)
        #expect(bench.guest.calls.isEmpty)
    }

    @Test func `repeats a call that the server puts off`() throws {
        let bench = try Bench()
        var count = 0
        bench.guest.handlers[18] = { _ in
            count += 1
            return count < 3
                ? FakeServer.words([10008, 0])
                : FakeServer.words([0, 0, 0, 8192, 0, 4096, 0, 4096, 0, 9, 0, 8, 0, 8, 0])
        }
        let unique = try bench.send(FUSE_STATFS, [])
        while count < 3 {
            let due = bench.server.timers.next ?? 0
            for action in bench.server.timers.takeDue(now: due) { action() }
            try bench.settle()
        }
        let answer = try bench.wait(unique).value(fuse_statfs_out.self)
        #expect(answer.st.blocks == 2 && answer.st.bavail == 1 && answer.st.namelen == 255)
    }

    @Test(arguments: NFSStatus.allCases.filter { $0 != .ok && $0 != .jukebox })
    func `turns every status into an errno`(status: NFSStatus) throws {
        let bench = try Bench()
        bench.guest.handlers[1] = { _ in FakeServer.words([status.rawValue]) }
        bench.server.recent.forgetAll()
        let errno = try bench.ask(FUSE_GETATTR, Bench.bytes(fuse_getattr_in())).errno
        #expect(errno > 0 && errno < 134)
    }

    @Test func `answers what it does not know with ENOSYS`() throws {
        let bench = try Bench()
        for opcode in [FUSE_IOCTL, FUSE_POLL, FUSE_COPY_FILE_RANGE, FUSE_ACCESS] {
            #expect(try bench.ask(opcode).errno == ENOSYS)
        }
    }

    @Test func `ends a request that stays unanswered for long after a signal`() throws {
        let bench = try Bench()
        bench.guest.handlers[18] = { _ in nil }
        let stuck = try bench.send(FUSE_STATFS, [])
        let signal = try bench.send(FUSE_INTERRUPT, Bench.bytes(fuse_interrupt_in(unique: stuck)))
        try bench.settle()
        let now = Clock.milliseconds()
        bench.server.endInterrupted(now: now + Interrupts.patience / 2)
        try bench.settle()
        #expect(!bench.isAnswered(stuck))
        bench.server.endInterrupted(now: now + Interrupts.patience)
        #expect(try bench.wait(stuck).errno == EINTR)
        #expect(!bench.isAnswered(signal), "an interrupt has no answer")
    }

    @Test func `forgets old signals rather than remember them all`() {
        var interrupts = Interrupts()
        for unique in 1...UInt64(3 * Interrupts.limit) { interrupts.add(unique, now: 0) }
        #expect(interrupts.takeDue(now: Interrupts.patience - 1).isEmpty)
        let due = interrupts.takeDue(now: Interrupts.patience)
        #expect(due.count <= Interrupts.limit && due.last == UInt64(3 * Interrupts.limit))
        #expect(interrupts.takeDue(now: .max).isEmpty)
    }

    @Test func `survives requests that are cut short`() throws {
        let bench = try Bench()
        for opcode in [
            FUSE_LOOKUP, FUSE_SETATTR, FUSE_WRITE, FUSE_CREATE, FUSE_MKDIR, FUSE_LINK,
            FUSE_RENAME2, FUSE_READ, FUSE_OPEN, FUSE_GETXATTR, FUSE_SETXATTR, FUSE_FALLOCATE,
            FUSE_LSEEK, FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_READDIR, FUSE_SYMLINK,
        ] {
            _ = try bench.send(opcode, [1])
        }
        try bench.settle()
        #expect(try bench.ask(FUSE_GETATTR, Bench.bytes(fuse_getattr_in())).errno == 0)
    }
}

extension FakeServer {
    /// READDIR3resok.
    static func listed16(_ names: [(String, UInt64)]) -> [UInt8] {
        var writer = XDRWriter()
        for word: UInt32 in [0, 0, 0, 0] { writer.write(word) }
        for (name, cookie) in names {
            writer.write(true)
            writer.write(UInt64(1000) + cookie)
            writer.write(Array(name.utf8))
            writer.write(cookie)
        }
        writer.write(false)
        writer.write(true)
        return writer.bytes
    }
}
