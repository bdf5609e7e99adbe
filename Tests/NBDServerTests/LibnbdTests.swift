import BlockDevice
import FileSystemLab
import NBDWire
import Testing

@testable import NBDServer

/// libnbd speaks to the server: every command, flag and error that it can send.
@Suite(.serialized) struct LibnbdTests {
    @Test func `an export tells size, flags, sizes, name and description`() throws {
        let served = try Served(TestDisk(size: 1 << 20))
        let text = try Command.require("nbdinfo", [served.uri]).stdout
        for line in [
            "export-size: 1048576 (1M)", "description: a disk", "base:allocation",
            "is_read_only: false", "can_cache: true", "can_df: true", "can_fast_zero: true",
            "can_flush: true", "can_fua: true", "can_multi_conn: true", "can_trim: true",
            "can_zero: true", "block_size_minimum: 1", "block_size_preferred: 4096",
            "block_size_maximum: 33554432", "using structured packets",
        ] {
            #expect(text.contains(line), "\(line) is not in \(text)")
        }
    }

    @Test func `large sectors are told`() throws {
        let served = try Served(TestDisk(size: 1 << 20, logical: 4096))
        let text = try Command.require("nbdinfo", [served.uri]).stdout
        #expect(text.contains("block_size_minimum: 4096"))
    }

    @Test func `exports are listed, or not`() throws {
        let exports = ["one", "two", "über"].map { NBDExport(name: $0, device: TestDisk()) }
        let served = try Served(exports)
        let uri = "nbd+unix:///?socket=\(served.path)"
        let text = try Command.require("nbdinfo", ["--list", uri]).stdout
        #expect(["one", "two", "über"].allSatisfy { text.contains("export=\"\($0)\"") })
        let silent = try Served(exports, tells: false)
        let other = "nbd+unix:///?socket=\(silent.path)"
        #expect(try !Command.run("nbdinfo", ["--list", other]).isSuccess)
        #expect(try !Command.run("nbdinfo", ["nbd+unix:///none?socket=\(served.path)"]).isSuccess)
    }

    @Test func `every command does what it says`() throws {
        let disk = TestDisk(size: 1 << 20, capabilities: [.write, .trim, .extents, .fastZeroes])
        let served = try Served(disk)
        let script = """
            h.pwrite(b'abc' * 1000, 4095)
            assert h.pread(3000, 4095) == b'abc' * 1000
            h.flush()
            h.pwrite(b'x' * 512, 0, nbd.CMD_FLAG_FUA)
            h.zero(1000, 4096)
            h.zero(512, 8192, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
            h.zero(512, 8192, nbd.CMD_FLAG_FAST_ZERO)
            assert h.pread(1000, 4096) == bytes(1000)
            h.trim(4096, 65536)
            h.trim(4096, 65536, nbd.CMD_FLAG_FUA)
            h.cache(65536, 0)
            assert h.pread(512, 0) == b'x' * 512
            """
        _ = try served.shell(script)
        let counts = disk.counts
        #expect(counts.flushes == 1 && counts.trims == 2 && counts.zeroes == 3)
        #expect(counts.writes == 2 && counts.durableWrites == 1)
    }

    @Test(arguments: [
        ("h.pread(512, 1 << 20)", "EINVAL"), ("h.pwrite(bytes(512), 1 << 20)", "ENOSPC"),
        ("h.zero(512, (1 << 20) - 1)", "ENOSPC"), ("h.trim(512, 1 << 40)", "EINVAL"),
        ("h.cache(512, 1 << 20)", "EINVAL"), ("h.block_status(512, 1 << 20, e)", "EINVAL"),
        ("h.zero(512, 0, nbd.CMD_FLAG_FAST_ZERO)", "ENOTSUP"),
        ("h.pread(512, 0, nbd.CMD_FLAG_REQ_ONE)", "EINVAL"),
        ("h.pwrite(bytes(512), 0, nbd.CMD_FLAG_DF)", "EINVAL"),
        ("h.trim(512, 0, nbd.CMD_FLAG_NO_HOLE)", "EINVAL"),
        ("h.pread(512, 5000)", "EIO"),
    ])
    func `a wrong request is told its error, and the connection goes on`(
        call: String, name: String
    ) throws {
        let disk = TestDisk(size: 1 << 20)
        disk.fail(at: 5000)
        let served = try Served(disk)
        let script = """
            import errno
            h.set_strict_mode(0)
            e = lambda *a: 0
            try:
                \(call)
                print('done')
            except nbd.Error as error:
                print(error.errno)
            assert h.pread(1, 0) == bytes(1)
            """
        #expect(try served.shell(script, context: true) == "\(name)\n")
    }

    @Test func `a read-only export refuses every change`() throws {
        let disk = TestDisk(size: 1 << 20)
        let served = try Served(disk, isReadOnly: true)
        let script = """
            h.set_strict_mode(0)
            assert h.is_read_only()
            for call in (lambda: h.pwrite(b'x', 0), lambda: h.zero(1, 0), lambda: h.trim(1, 0)):
                try:
                    call()
                    print('done')
                except nbd.Error as error:
                    print(error.errno)
            h.flush()
            assert h.pread(512, 0) == bytes(512)
            """
        #expect(try served.shell(script) == "EPERM\nEPERM\nEPERM\n")
        #expect(disk.counts.writes == 0 && disk.counts.zeroes == 0)
    }

    @Test func `block status tells holes and data, joined, and one where one is asked for`() throws
    {
        let disk = TestDisk(size: 1 << 20)
        let served = try Served(disk)
        let script = """
            h.pwrite(b'x' * 8192, 8192)
            def tell(context, offset, entries, error):
                print(context, offset, entries)
            h.block_status(1 << 20, 0, tell)
            h.block_status(1 << 20, 0, tell, nbd.CMD_FLAG_REQ_ONE)
            h.block_status(100, 8192, tell, nbd.CMD_FLAG_REQ_ONE)
            """
        let lines = try served.shell(script, context: true).split(separator: "\n")
        #expect(
            lines == [
                "base:allocation 0 [8192, 3, 8192, 0, 1032192, 3]",
                "base:allocation 0 [4096, 3]", "base:allocation 8192 [100, 0]",
            ])
    }

    @Test func `a client without structured replies, NO_ZEROES or GO is served`() throws {
        let served = try Served(TestDisk(size: 1 << 20))
        for setup in [
            "h.set_request_structured_replies(False)", "h.set_handshake_flags(0)",
            "h.set_handshake_flags(nbd.HANDSHAKE_FLAG_FIXED_NEWSTYLE)",
            "h.set_full_info(True)",
        ] {
            let script = """
                import nbd
                h = nbd.NBD()
                \(setup)
                h.connect_uri('\(served.uri)')
                h.pwrite(b'abc', 10)
                assert h.pread(5, 9) == b'\\0abc\\0'
                h.shutdown()
                """
            try Command.require("python3", ["-c", script])
        }
    }

    @Test func `options can be haggled over in any order`() throws {
        let served = try Served(TestDisk(size: 1 << 20))
        let script = """
            import nbd
            h = nbd.NBD()
            h.set_opt_mode(True)
            h.add_meta_context('base:allocation')
            h.connect_unix('\(served.path)')
            names = []
            h.opt_list(lambda name, text: names.append((name, text)))
            assert names == [('disk', 'a disk')], names
            h.set_export_name('none')
            try:
                h.opt_info()
                raise SystemExit('found')
            except nbd.Error as error:
                assert error.errno == 'ENOENT', error
            h.set_export_name('disk')
            h.opt_info()
            assert h.get_size() == 1 << 20
            contexts = []
            h.opt_list_meta_context(lambda name: contexts.append(name))
            assert contexts == ['base:allocation'], contexts
            h.opt_go()
            assert h.can_meta_context('base:allocation')
            assert h.pread(1, 0) == b'\\0'
            h.shutdown()
            h = nbd.NBD()
            h.set_opt_mode(True)
            h.connect_unix('\(served.path)')
            h.opt_abort()
            """
        try Command.require("python3", ["-c", script])
    }

    @Test func `what one connection flushes covers the writes of another`() throws {
        let disk = TestDisk(size: 1 << 20)
        let served = try Served(disk)
        let script = """
            import nbd
            a, b = nbd.NBD(), nbd.NBD()
            for h in (a, b): h.connect_uri('\(served.uri)')
            assert a.can_multi_conn()
            a.pwrite(b'abc', 0)
            assert b.pread(3, 0) == b'abc'
            b.flush()
            a.shutdown(); b.shutdown()
            """
        try Command.require("python3", ["-c", script])
        #expect(!disk.isDirty && disk.counts.flushes == 1)
    }
}
