import Bytes
import Glibc
import GuestWire
import Platform

/// One connection to the host: dialled, greeted, and then served until it ends.
struct AgentConnection {
    /// How long the host may take to listen.
    private static let dialMilliseconds: Int64 = 10_000

    private let socket: OwnedFD

    /// Dials the host and says who calls. Blocks; bounded.
    init(role: ConnectionRole, kernelRelease: String) throws(SystemError) {
        socket = try Self.dial()
        let greeting = Greeting(
            role: role, kernelRelease: kernelRelease,
            uptimeMilliseconds: UInt64(Clock.milliseconds()))
        try Files.writeAll(greeting.frame.encoded, to: socket.raw)
    }

    private static func dial() throws(SystemError) -> OwnedFD {
        let deadline = Clock.milliseconds() + dialMilliseconds
        while true {
            do {
                return try StreamSocket.connect(
                    address: Appliance.hostAddress, port: GuestWire.controlPort)
            } catch {
                guard Clock.milliseconds() < deadline else { throw error }
            }
            Clock.sleep(milliseconds: 20)
        }
    }

    /// Answers requests one after the other until the connection ends or `respond` says so.
    ///
    /// - Parameter respond: answers a request; false in `goesOn` ends the service after the
    ///   answer is sent.
    func serve(_ respond: (Request) -> (reply: Reply, goesOn: Bool)) {
        while let frame = readFrame() {
            let answer: (reply: Reply, goesOn: Bool)
            do {
                answer = respond(try Request(frame))
            } catch {
                answer = (
                    .failed(
                        GuestFailure(
                            step: .request, errno: EPROTO, message: "malformed request (\(error))")),
                    true
                )
            }
            let bytes = answer.reply.frame(id: frame.id).encoded
            guard (try? Files.writeAll(bytes, to: socket.raw)) != nil, answer.goesOn else {
                return
            }
        }
    }

    /// The next frame; nil at the end, or where the host sends what the wire does not allow.
    private func readFrame() -> Frame? {
        guard let header = readExactly(4), let length = try? Frame.length(of: header),
            let body = readExactly(length)
        else { return nil }
        return try? Frame(body: body)
    }

    /// Reads without a clock: a system call costs the guest more than anything else, and the
    /// kernel ends the read when the host goes away.
    private func readExactly(_ count: Int) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = buffer.withUnsafeMutableBytes {
                read(socket.raw, $0.baseAddress.map { $0 + filled }, count - filled)
            }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return nil }
            filled += got
        }
        return buffer
    }
}
