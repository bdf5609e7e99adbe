import Bytes
import Glibc
import GuestWire
import Platform

/// One connection to the host: dialled, greeted, and then served until it ends.
struct AgentConnection {
    /// How long the host may take to listen.
    private static let dialMilliseconds: Int64 = 10_000

    /// Most bytes taken from the connection in one call.
    private static let readSize = 1 << 16

    private let socket: OwnedFD

    /// Dials the host and says who calls.
    ///
    /// Blocks; bounded.
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
                    address: PrivateLink.host, port: GuestWire.controlPort)
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
        var pending: [UInt8] = []
        while true {
            let next: Frame?
            do { next = try Self.takeFrame(&pending) } catch { return }
            guard let frame = next else {
                guard let bytes = try? Descriptors.readSome(socket.raw, limit: Self.readSize),
                    !bytes.isEmpty
                else { return }
                pending += bytes
                continue
            }
            let answer = Self.answer(frame, respond)
            let bytes = answer.reply.frame(id: frame.id).encoded
            guard (try? Files.writeAll(bytes, to: socket.raw)) != nil, answer.goesOn else {
                return
            }
        }
    }

    /// Takes one whole frame off the front; nil while it is incomplete.
    ///
    /// Whole reads instead of a header and then a body: a system call costs a User-Mode Linux
    /// guest more than anything else it does for a request.
    static func takeFrame(_ pending: inout [UInt8]) throws(BytesError) -> Frame? {
        guard pending.count >= 4 else { return nil }
        let length = try Frame.length(of: pending[..<4])
        guard pending.count - 4 >= length else { return nil }
        let frame = try Frame(body: pending[4..<4 + length])
        pending.removeFirst(4 + length)
        return frame
    }

    private static func answer(
        _ frame: Frame, _ respond: (Request) -> (reply: Reply, goesOn: Bool)
    ) -> (reply: Reply, goesOn: Bool) {
        let request: Request
        do throws(BytesError) { request = try Request(frame) } catch {
            let failure = GuestFailure(
                step: .request, errno: EPROTO, message: "malformed request (\(error))")
            return (.failed(failure), true)
        }
        return respond(request)
    }
}
