import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// Exports by ATA over Ethernet, asked by the tools of Debian's aoetools and by frames of a
/// script's own, over a pair of virtual interfaces: `v0` is the target's, `v1` the client's.
@Suite(.tags(.system)) struct AoETests {
    private static let client = "52:54:00:00:00:01"
    private static let disk = ["--interface", "v0", "--shelf", "7", "--slot", "3"]
    private static let options = disk + ["--mac", client]

    private static func withPair(_ body: (Causeway, GuestNetwork) throws -> Void) throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            try network.command("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            try network.command("ip", "link", "set", "v1", "address", client, "mtu", "9000", "up")
            try network.command("ip", "link", "set", "v0", "mtu", "9000", "up")
            try body(causeway, network)
        }
    }

    private static func ping(_ network: GuestNetwork, _ more: String...) throws -> Outcome {
        try network.attempt(["aoeping", "-s", "2"] + more + ["7", "3", "v1"])
    }

    /// Asks until an answer says this; fails the test where none does in a minute.
    ///
    /// A frame may be lost, and the tools do not wait long.
    private static func expectAnswer(
        _ words: String = "", sourceLocation: SourceLocation = #_sourceLocation,
        _ ask: () throws -> Outcome
    ) {
        var last: Outcome?
        let isGiven = Wait.until(seconds: 60) {
            last = try? ask()
            return last.map { $0.isSuccess && (words.isEmpty || $0.stdout.contains(words)) } == true
        }
        #expect(isGiven, "\(last?.description ?? "no outcome")", sourceLocation: sourceLocation)
    }

    @Test func `a foreign tool finds the disk and identifies it`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            let exported = try causeway.export(image, to: network, Self.options)
            #expect(exported.urls == ["aoe:e7.3@v0"])
            let list = try causeway.run(["list"]).stdout
            #expect(list.contains("aoe:e7.3@v0"), "\(list)")
            Self.expectAnswer("Causeway AoE disk") { try Self.ping(network, "-I") }
            try causeway.unmount(exported.session)
            #expect(!(try Self.ping(network).isSuccess))
        }
    }

    @Test func `a host that is not on the list gets no answer`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            let exported = try causeway.export(image, to: network, Self.options)
            Self.expectAnswer { try Self.ping(network) }
            try network.command("ip", "link", "set", "v1", "address", "52:54:00:00:00:02")
            #expect(!(try Self.ping(network).isSuccess))
            try network.command("ip", "link", "set", "v1", "address", Self.client)
            Self.expectAnswer { try Self.ping(network) }
            try causeway.unmount(exported.session)
        }
    }

    @Test func `the configuration string that a foreign tool sets outlives the export`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            var exported = try causeway.export(image, to: network, Self.options)
            func config(_ words: String...) throws -> Outcome {
                try network.attempt(
                    ["timeout", "5", "aoecfg", "-t", "1"] + words + ["7", "3", "v1"])
            }
            Self.expectAnswer("blue") { try config("-c", "set", "-s", "blue") }
            try causeway.unmount(exported.session)
            exported = try causeway.export(image, to: network, Self.options)
            Self.expectAnswer("blue") { try config("-c", "read") }
            #expect(!(try config("-c", "test", "-s", "red").stdout.contains("blue")))
            try causeway.unmount(exported.session)
        }
    }

    @Test func `hostile frames are refused or dropped, and the disk is as it was`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            let before = try Command.require("sha256sum", [image]).stdout
            let exported = try causeway.export(image, to: network, Self.options)
            let script = "\(causeway.folder)/frames"
            try RawPath(script).write(Array(Self.hostile.utf8))
            let sectors = try Files.status(image).size / 512
            let outcome = try network.attempt(
                ["python3", script, "v1", Self.client, "\(sectors)"], seconds: 180)
            #expect(outcome.isSuccess, "\(outcome)")
            Self.expectAnswer { try Self.ping(network) }
            try causeway.unmount(exported.session)
            #expect(try Command.require("sha256sum", [image]).stdout == before)
        }
    }

    /// Sends to e7.3: what must be refused, each with its error; then frames of random bytes.
    private static let hostile = """
        import random, socket, struct, sys
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88a2))
        link.bind((sys.argv[1], 0))
        link.settimeout(60)
        me = bytes.fromhex(sys.argv[2].replace(":", ""))
        def frame(command, argument, tag=1, version=1, shelf=7, slot=3, flags=0):
            head = b"\\xff" * 6 + me + b"\\x88\\xa2" + bytes([version << 4 | flags, 0])
            return head + struct.pack(">HBBI", shelf, slot, command, tag) + argument
        def ata(command, count, lba, data=b"", tag=1):
            head = struct.pack("<BBBBQxx", 0x41, 0, count, command, lba)[:10] + b"\\0\\0"
            return frame(0, head + data, tag)
        tag = 100
        def ask(data):
            global tag
            tag += 1
            link.send(data[:20] + struct.pack(">I", tag) + data[24:])
            while True:
                answer = link.recv(65536)
                if answer[14] & 8 and answer[20:24] == struct.pack(">I", tag): return answer
        def refused(data, error):
            answer = ask(data)
            assert answer[14] & 4 and answer[15] == error, (data[:40], answer[:40])
        def failed(data, bits):
            answer = ask(data)
            assert not answer[14] & 4 and answer[27] & 1 and answer[25] == bits, answer[:40]
        refused(frame(9, b"\\0" * 40), 1)
        refused(frame(1, b"\\0" * 8, version=3), 5)
        refused(frame(1, bytes([0, 0, 0, 0, 0, 0x13, 4, 1]) + b"x" * 1100), 2)
        refused(frame(1, bytes([0, 0, 0, 0, 0, 0x1f, 0, 0])), 2)
        refused(frame(2, bytes([0, 1, 0, 200])), 2)
        refused(frame(3, bytes([1, 200])), 2)
        refused(frame(0, b""), 2)
        refused(ata(0x24, 255, 0), 2)
        refused(ata(0x34, 2, 0, b"x" * 1023), 2)
        failed(ata(0x24, 1, (1 << 48) - 1), 0x10)
        failed(ata(0xb0, 1, 0), 4)
        # The disk is read-only: aborted, and write-protected.
        failed(ata(0x34, 1, 0, b"x" * 512), 0x44)
        identity = ask(ata(0xec, 1, 0))[36:548]
        assert sum(identity) % 256 == 0 and len(identity) == 512, identity
        assert struct.unpack("<Q", identity[200:208])[0] == int(sys.argv[3]), identity
        answer = ask(ata(0x24, 17, 0))
        assert len(answer) == 36 + 17 * 512, len(answer)
        chance = random.Random(7)
        for number in range(20000):
            data = chance.randbytes(chance.randrange(15, 1500))
            if number % 4: data = frame(chance.randrange(5), data[:chance.randrange(1400)])
            if chance.randrange(3) == 0: data = data[:chance.randrange(15, len(data) + 1)]
            try: link.send(data)
            except OSError: pass
        """

    @Test func `what is missing is said, with what to do`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            func refusal(_ options: [String]) throws -> Outcome {
                try causeway.runAsRoot(of: network, ["export", image, "--aoe"] + options)
            }
            let open = try refusal(Self.disk)
            #expect(!open.isSuccess && open.stderr.contains("--mac"), "\(open)")
            let exported = try causeway.export(image, to: network, Self.options)
            let second = try causeway.copy("xfs")
            let words = ["export", second, "--aoe"] + Self.options
            let taken = try causeway.runAsRoot(of: network, words)
            #expect(taken.status == 5 && taken.stderr.contains("--slot"), "\(taken)")
            // The same place at the other end of the link.
            let other = ["--interface", "v1", "--shelf", "7", "--slot", "3", "--mac", Self.client]
            let far = try causeway.runAsRoot(of: network, ["export", second, "--aoe"] + other)
            #expect(far.status == 5 && far.stderr.contains("serves e7.3"), "\(far)")
            try causeway.unmount(exported.session)
            let none = try refusal(["--interface", "none", "--mac", Self.client])
            #expect(none.status == 6 && none.stderr.contains("ip -brief link"), "\(none)")
            try network.command("ip", "link", "set", "v0", "mtu", "500")
            let small = try refusal(Self.options)
            #expect(small.status == 6 && small.stderr.contains("534"), "\(small)")
            try network.command("ip", "link", "set", "v0", "mtu", "9000", "down")
            let down = try refusal(Self.options)
            #expect(down.status == 6 && down.stderr.contains("set dev v0 up"), "\(down)")
            let plain = try causeway.run(["export", image, "--aoe", "--interface", "lo"])
            #expect(plain.status == 6 && plain.stderr.contains("CAP_NET_RAW"), "\(plain)")
        }
    }

    @Test func `an interface that comes and goes is served again with its new MTU`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            let exported = try causeway.export(image, to: network, Self.options)
            try network.command("ip", "link", "set", "v0", "down")
            #expect(!(try Self.ping(network).isSuccess))
            try network.command("ip", "link", "set", "v0", "mtu", "1500", "up")
            let again = Wait.until(seconds: 60) {
                (try? Self.ping(network, "-v"))?.stdout.contains("80 01 00 02") == true
            }
            #expect(again)
            try causeway.unmount(exported.session)
        }
    }

    @Test func `a host that is slow to answer keeps its place`() throws {
        try Self.withPair { causeway, network in
            let image = try causeway.copy("ext4")
            let script = "\(causeway.folder)/slow"
            try RawPath(script).write(Array(Self.slow.utf8))
            let host = try RunningCommand(
                network.rootPrefix[0], network.rootPrefix.dropFirst() + ["python3", script])
            defer { _ = try? host.process.killAndWait() }
            let isUp = Wait.until(seconds: 10) {
                _ = try? host.collect(until: Clock.milliseconds() + 20)
                return !host.outputs[0].isEmpty
            }
            #expect(isUp)
            let words = ["export", image, "--aoe"] + Self.options
            let taken = try causeway.runAsRoot(of: network, words)
            #expect(taken.status == 5 && taken.stderr.contains("serves e7.3"), "\(taken)")
        }
    }

    /// Serves e7.3 on v1, so busy that it hears the second question only, and answers late.
    private static let slow = """
        import socket, struct, time
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88a2))
        link.bind(("v1", 0))
        print("ready", flush=True)
        heard = 0
        while True:
            frame = link.recv(65536)
            if frame[14] & 8 or frame[16:20] != struct.pack(">HBB", 7, 3, 1): continue
            heard += 1
            if heard == 1: continue
            time.sleep(0.4)
            head = frame[6:12] + bytes.fromhex("525400000001") + b"\\x88\\xa2\\x18\\0"
            link.send(head + frame[16:24] + struct.pack(">HHBBH", 16, 1, 2, 0x10, 0) + bytes(28))
        """
}
