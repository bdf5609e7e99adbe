import FoundationEssentials
import Synchronization

/// The servers of one plan at a time, for a program that is told what to serve by bytes.
///
/// Plan and figures are `TargetPlan` and `TargetFigures` as JSON. Any thread; calls exclude one
/// another.
public final class TargetService: Sendable {
    private let servers = Mutex<TargetServers?>(nil)

    /// Serves nothing yet.
    public init() {}

    /// Serves a plan; returns when clients can connect.
    public func start(_ plan: [UInt8]) throws(TargetError) {
        try servers.withLock { servers throws(TargetError) in
            guard servers == nil else {
                throw TargetError(
                    cause: "blocks are served already", remedy: "Stop serving them first.")
            }
            do {
                servers = try TargetServers(
                    try JSONDecoder().decode(TargetPlan.self, from: Data(plan)))
            } catch { throw TargetError.any(error) }
        }
    }

    /// Lets clients finish within a time, flushes, and tells what they have done; figures of
    /// nothing where nothing is served.
    ///
    /// Throws where something that was acknowledged may not be durable; nothing is served then
    /// either.
    public func stop(milliseconds: Int64) throws(TargetError) -> [UInt8] {
        try servers.withLock { servers throws(TargetError) in
            defer { servers = nil }
            if let failure = servers?.stop(milliseconds: milliseconds) {
                throw TargetError(
                    cause: "not everything was flushed: \(failure)",
                    remedy: "Check the disk below the source, then its content.")
            }
            do {
                return [UInt8](try JSONEncoder().encode(servers?.figures ?? TargetFigures()))
            } catch { throw TargetError.any(error) }
        }
    }
}
