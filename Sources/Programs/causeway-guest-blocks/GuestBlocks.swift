import GuestCore
import GuestWire
import Targets

/// The servers of blocks as the agent knows them.
struct GuestBlocks: BlockService {
    private let service = TargetService()

    func start(plan: [UInt8]) throws(GuestFailure) {
        do { try service.start(plan) } catch { throw Self.failure(error) }
    }

    func stop(milliseconds: Int64) throws(GuestFailure) -> [UInt8] {
        do { return try service.stop(milliseconds: milliseconds) } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: TargetError) -> GuestFailure {
        GuestFailure(step: .blocks, errno: 0, message: error.cause)
    }
}
