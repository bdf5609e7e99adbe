import Bytes
import Glibc
public import GuestWire
public import Platform

/// Why a call to the guest failed.
public enum GuestLinkError: Error, Sendable, CustomStringConvertible {
    /// The connection broke or the answer did not come in time.
    case lost(SystemError)
    /// The guest sent what the wire does not allow.
    case malformed(BytesError)
    /// The guest speaks another version of the wire.
    case version(UInt32)
    /// The guest answered that it could not.
    case refused(GuestFailure)
    /// The guest answered something else than what was asked.
    case unexpected

    /// The error in words.
    public var description: String {
        switch self {
        case .lost(let error): "the guest does not answer (\(error))"
        case .malformed(let error): "the guest sent a malformed message (\(error))"
        case .version(let version):
            "the appliance speaks wire version \(version), this program \(GuestWire.version)"
        case .refused(let failure): failure.message
        case .unexpected: "the guest sent an answer of the wrong kind"
        }
    }
}

/// A blocking connection to the guest's agent.
///
/// One thread at a time; every call is bounded.
public final class GuestConnection {
    private let descriptor: OwnedFD
    private var nextID: UInt32 = 1
    /// Why nothing that comes can be understood any more: a frame was cut short.
    private var broken: GuestLinkError?
    /// What the guest said of itself.
    public let greeting: Greeting

    /// Takes a connection over which the guest will send, or has sent, its greeting.
    public init(_ descriptor: OwnedFD, milliseconds: Int64) throws(GuestLinkError) {
        self.descriptor = descriptor
        let frame = try Self.readFrame(descriptor.raw, milliseconds: milliseconds)
        do { greeting = try Greeting(frame) } catch { throw .malformed(error) }
        guard greeting.version == GuestWire.version else { throw .version(greeting.version) }
    }

    /// The descriptor: for poll, which reports the guest's end.
    public var raw: Int32 { descriptor.raw }

    /// Asks and waits for the answer, at most `milliseconds`.
    ///
    /// A refusal is thrown. Answers to earlier calls that nobody waits for any more are passed
    /// over.
    public func call(_ request: Request, milliseconds: Int64) throws(GuestLinkError) -> Reply {
        if let broken { throw broken }
        let id = nextID
        nextID &+= 1
        let deadline = Clock.milliseconds() + milliseconds
        do { try Files.writeAll(request.frame(id: id).encoded, to: raw) } catch {
            throw .lost(error)
        }
        var frame = try readFrame(until: deadline)
        while frame.id != id {
            // Of all calls only these have been made; ids wrap around.
            guard id &- frame.id < id else { throw .unexpected }
            frame = try readFrame(until: deadline)
        }
        let reply: Reply
        do { reply = try Reply(frame) } catch { throw .malformed(error) }
        if case .failed(let failure) = reply { throw .refused(failure) }
        return reply
    }

    /// Reads the next frame; one that does not come in time may come later, one that is cut short
    /// breaks the connection.
    private func readFrame(until deadline: Int64) throws(GuestLinkError) -> Frame {
        let left = max(0, deadline - Clock.milliseconds())
        let isThere: Bool
        do {
            isThere = try Descriptors.waitReadable(raw, milliseconds: Int32(clamping: left))
        } catch { throw .lost(error) }
        guard isThere else { throw .lost(SystemError(errno: ETIMEDOUT, call: "read")) }
        do {
            let rest = max(Self.frameLimit, deadline - Clock.milliseconds())
            return try Self.readFrame(raw, milliseconds: rest)
        } catch {
            broken = error
            throw error
        }
    }

    /// The rest of a frame that has begun, in milliseconds.
    private static let frameLimit: Int64 = 1000

    /// Reads one frame from a descriptor, within a time.
    static func readFrame(_ raw: Int32, milliseconds: Int64) throws(GuestLinkError) -> Frame {
        let deadline = Clock.milliseconds() + milliseconds
        do {
            let header = try Descriptors.readExactly(raw, count: 4, deadlineMilliseconds: deadline)
            let length = try Frame.length(of: header)
            let body = try Descriptors.readExactly(
                raw, count: length, deadlineMilliseconds: deadline)
            return try Frame(body: body)
        } catch let error as SystemError {
            throw .lost(error)
        } catch let error as BytesError {
            throw .malformed(error)
        } catch {
            throw .unexpected
        }
    }
}
