import ClientGuest
import FileSystemLab
import Platform
import Testing

@Suite(.serialized) struct ClientGuestTests {
    @Test func `a script's words and its exit code come back, and it can reach the host`() throws {
        let network = try GuestNetwork()
        let guest = ClientGuest(in: network, modules: ["nbd"])
        let host = GuestNetwork.hostAddress
        let server = try RunningCommand(
            network.prefix[0],
            Array(network.prefix.dropFirst()) + [
                "timeout", "180", "python3", "-u", "-c",
                "import socket; s = socket.create_server(('\(host)', 4000)); print('up'); "
                    + "s.accept()[0].sendall(b'hello\\n')",
            ])
        while server.outputs[0].isEmpty {
            let ended = try server.collect(until: Clock.milliseconds() + 20)
            try #require(!ended, "\(String(decoding: server.outputs[1], as: UTF8.self))")
        }
        let outcome = try guest.run(
            """
            echo "$1"; echo content >"$shared/file"; [ -b /dev/nbd0 ]
            exec 3<>/dev/tcp/\(host)/4000; cat <&3
            exit 7
            """, ["two words"])
        #expect(outcome.status == 7 && outcome.stdout == "two words\nhello\n", "\(outcome)")
        _ = try server.collect(until: Clock.milliseconds() + 60_000)
        #expect(try server.process.wait(milliseconds: 60_000)?.isSuccess == true)
    }

    @Test func `a guest that does not end is killed in time, and leaves nothing`() throws {
        let network = try GuestNetwork()
        let guest = try ClientGuest(in: network).start("echo here; sleep 1000 & sleep 1000")
        #expect(try guest.line("here", seconds: 120) == "here")
        // Its kernel's arguments name the folder.
        let folder = String(guest.shared.dropLast("/shared".count))
        #expect(try !Command.run("pgrep", ["-f", folder]).stdout.isEmpty)
        let start = Clock.milliseconds()
        #expect(throws: LabError.self) { try guest.finish(seconds: 1) }
        // It would go on for 1000 s.
        #expect(Clock.milliseconds() - start < 120_000)
        let left = try Command.run("pgrep", ["-f", folder])
        #expect(left.stdout.isEmpty, "\(left)")
    }
}
