import ISCSIWire
import NIOCore
import Platform
import SCSITarget

extension ISCSISession {
    /// Where the data of a Data-Out goes.
    enum Destination {
        /// To a command, from this offset on.
        case task(ISCSITask, offset: Int)
        /// Nowhere: it belongs to a command that ended, or failed.
        case nowhere(ISCSITask?)
    }

    /// Begins a Data-Out whose data is about to come.
    func begin(_ pdu: DataOutPDU, length: Int) -> Destination {
        guard let task = tasks[pdu.initiatorTaskTag], task.state == .collecting else {
            return .nowhere(nil)
        }
        guard let offset = task.transfer.begin(pdu, length: length) else {
            return .nowhere(task)
        }
        return .task(task, offset: offset)
    }

    /// Stores a part of a command's data; what the command does not want is thrown away.
    func store(_ piece: ByteBuffer, of task: ISCSITask, at offset: Int) {
        let count = min(piece.readableBytes, task.transfer.wanted - offset)
        guard count > 0, task.state == .collecting else { return }
        progress &+= 1
        // What comes unasked gets no more room than it may fill.
        let room = min(task.transfer.wanted, max(offset + count, parameters.firstBurstLength))
        budget.force(room - task.budget)
        hold(task, room: room)
        let source = piece.getSlice(at: piece.readerIndex, length: count) ?? piece
        task.dataOut.setBuffer(source, at: offset)
        task.dataOut.moveWriterIndex(to: max(task.dataOut.writerIndex, offset + count))
    }

    /// Ends a Data-Out.
    func finish(_ task: ISCSITask, isIntact: Bool, header: BasicHeader) {
        if !isIntact {
            reject(header, .dataDigestError)
            task.transfer.fail(.digest)
        }
        guard !task.isAborted, task.state == .collecting else { return }
        proceed(task)
    }

    /// Makes room for so much of a command's data, which the budget knows of already.
    private func hold(_ task: ISCSITask, room: Int) {
        guard task.room < room else { return }
        var buffer = takeBuffer(room)
        _ = task.dataOut.withUnsafeReadableBytes { early in
            buffer.writeBytes(UnsafeRawBufferPointer(rebasing: early[..<min(early.count, room)]))
        }
        if task.room > 0 { giveBuffer(task.dataOut) }
        task.dataOut = buffer
        task.room = room
        bytesInFlight += max(0, room - task.budget)
        task.budget = max(task.budget, room)
    }

    /// Whether other commands of the initiator are in work at a command's logical unit.
    private func hasOthers(beside task: ISCSITask) -> Bool {
        tasks.values.contains {
            $0 !== task && $0.command.lun == task.command.lun && $0.transfer.fault == nil
        }
    }

    /// Does what is next for a command that gets its data: asks for more, or has it carried out.
    func proceed(_ task: ISCSITask) {
        if task.transfer.isComplete {
            if let fault = task.transfer.fault {
                task.outcome = TransportSense.outcome(fault, hasOthers: hasOthers(beside: task))
                return finish(task)
            }
            counters.bytesIn &+= UInt64(task.transfer.wanted)
            return order(task)
        }
        guard task.transfer.mustAsk else { return }
        let wanted = task.transfer.wanted
        let extra = max(0, wanted - task.budget)
        guard take(extra, for: task) else {
            if !starved.contains(where: { $0 === task }) { starved.append(task) }
            return
        }
        hold(task, room: wanted)
        while let ask = task.transfer.ask(tag: freshTag()) {
            replies.append(
                TargetPDU.readyToTransfer(
                    task: task.command.initiatorTaskTag, lun: task.command.lun,
                    transfer: ask.tag, sequence: ask.sequence, offset: UInt32(ask.offset),
                    length: UInt32(ask.length), numbers: numbers(usesStatus: false)))
        }
    }

    /// Takes so many more bytes for a command, or has it wait for them; false where it waits.
    ///
    /// The oldest command may always go beyond what the session may hold, by what one command moves
    /// at most, and takes memory without waiting where others hold some: those that wait for it
    /// could have taken all there is, and would never give it back.
    func take(_ extra: Int, for task: ISCSITask) -> Bool {
        guard extra > 0 else { return true }
        let isWithinLimit = bytesInFlight + extra <= limits.sessionBytes
        if isWithinLimit, charge(extra) { return true }
        guard isOldest(task) else { return false }
        guard bytesInFlight > task.budget else { return !isWithinLimit && charge(extra) }
        budget.force(extra)
        return true
    }

    /// Whether no command came before this one that has not ended.
    func isOldest(_ task: ISCSITask) -> Bool {
        !tasks.values.contains { $0.sequence < task.sequence }
    }

    /// Asks for data of commands that waited for room.
    func feedStarved() {
        guard !starved.isEmpty else { return }
        let waiting = starved
        starved = []
        for task in waiting where task.state == .collecting && !task.isAborted { proceed(task) }
    }

    /// A buffer with room for so many bytes.
    func takeBuffer(_ count: Int) -> ByteBuffer {
        guard count >= BufferStock.smallest else { return allocator.buffer(capacity: count) }
        return stock.take(count) ?? allocator.buffer(capacity: count)
    }

    /// Gives a buffer back that is not needed any more, though the channel may still send from it.
    func giveBuffer(_ buffer: ByteBuffer) {
        guard buffer.storageCapacity >= BufferStock.smallest else { return }
        stock.give(buffer)
    }
}

/// Large buffers that are used again: the pages of a fresh one cost more than what is done in it.
struct BufferStock {
    /// Smaller ones are not worth it.
    static let smallest = 64 << 10
    /// Most bytes that are kept.
    static let limit = 16 << 20

    private let budget: ByteBudget
    private var buffers: [ByteBuffer] = []
    private var byteCount = 0

    /// Keeps none yet; the budget counts them beside its limit.
    init(_ budget: ByteBudget) {
        self.budget = budget
    }

    /// A kept buffer of about this size.
    mutating func take(_ count: Int) -> ByteBuffer? {
        guard
            let index = buffers.firstIndex(where: {
                $0.storageCapacity >= count && $0.storageCapacity <= 4 * count
            })
        else { return nil }
        var buffer = buffers.remove(at: index)
        byteCount -= buffer.storageCapacity
        budget.release(buffer.storageCapacity)
        // Gets storage of its own where the channel still sends from this one.
        buffer.clear()
        return buffer
    }

    /// Keeps a buffer.
    mutating func give(_ buffer: ByteBuffer) {
        guard byteCount + buffer.storageCapacity <= Self.limit,
            budget.keep(buffer.storageCapacity)
        else { return }
        buffers.append(buffer)
        byteCount += buffer.storageCapacity
    }

    /// Keeps none any more.
    mutating func empty() {
        budget.release(byteCount)
        (buffers, byteCount) = ([], 0)
    }
}
