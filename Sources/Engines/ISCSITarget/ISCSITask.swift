import ISCSIWire
import NIOCore
import SCSITarget

/// One command on its way through a session.
// Handed between the session's event loop and one thread of the pool: never touched by both at
// once; the pool's queue and the loop's queue, which hand it over, lock.
final class ISCSITask: @unchecked Sendable {
    /// Where a command is.
    enum State {
        /// Its data is coming in.
        case collecting
        /// It waits for other commands to end.
        case blocked
        /// It waits for a thread, or for room.
        case ready
        /// A thread carries it out.
        case running
        /// It ended.
        case ended
    }

    let command: CommandPDU
    let scsi: SCSITask
    /// Position among all commands of the session.
    let sequence: UInt64
    var state = State.collecting
    var transfer: WriteTransfer
    /// Data of the initiator.
    var dataOut: ByteBuffer
    /// Bytes of it that there is room for, once Data-Out has come or been asked for.
    var room = 0
    /// Room for data for the initiator.
    var dataIn: ByteBuffer
    /// Bytes that it holds of the session's budget.
    var budget = 0
    var outcome = SCSIOutcome(status: 0)
    /// Whether its end is to be kept quiet.
    var isAborted = false
    /// Who waits for its end.
    var waiters: [Countdown] = []

    init(
        command: CommandPDU, scsi: SCSITask, sequence: UInt64, transfer: WriteTransfer,
        empty: ByteBuffer
    ) {
        self.command = command
        self.scsi = scsi
        self.sequence = sequence
        self.transfer = transfer
        dataOut = empty
        dataIn = empty
    }

    /// Bytes that the initiator takes.
    var readRoom: Int { min(scsi.dataIn, Int(command.expectedReadLength)) }

    /// Whether it must wait for everything before it, and everything after it for it.
    var isOrdered: Bool { command.attribute == SCSITaskAttribute.ordered.rawValue }

    /// Whether it waits for nothing.
    var isHeadOfQueue: Bool { command.attribute == SCSITaskAttribute.headOfQueue.rawValue }

    /// PERSISTENT RESERVE OUT: what it aborts does not include itself.
    var isReservation: Bool { command.cdbHigh >> 56 == 0x5F }

    /// Carries the command out, on a thread that may wait.
    func perform(on device: SCSITarget) {
        let room = readRoom
        let source = dataOut
        source.withUnsafeReadableBytes { source in
            let source = UnsafeRawBufferPointer(
                rebasing: source[..<min(source.count, transfer.wanted)])
            dataIn.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                let target = UnsafeMutableRawBufferPointer(rebasing: target[..<room])
                outcome = device.perform(scsi, dataOut: source, dataIn: target)
                return outcome.status == 0 ? max(0, min(outcome.dataIn, room)) : 0
            }
        }
    }
}

/// Calls back when a number of things have ended.
// Used on one event loop only, so it needs no lock.
final class Countdown: @unchecked Sendable {
    private var left: Int
    private let done: () -> Void

    /// - Parameter done: called once, at once where `count` is 0.
    init(_ count: Int, done: @escaping () -> Void) {
        left = count
        self.done = done
        if count == 0 { done() }
    }

    /// One of them ended.
    func tick() {
        left -= 1
        if left == 0 { done() }
    }
}
