import ISCSIWire
import NIOCore
import NIOPosix
import Platform
import SCSITarget

extension ISCSISession {
    /// Commands with no more data than this are tried on the event loop first.
    static let nowLimit = 256 << 10
    /// Time that one thread is given work for, in nanoseconds.
    static let pieceCost: Int64 = 100_000
    /// Most commands that one thread is given at once.
    static let pieceLimit = 32

    /// Has a command carried out that has all its data, when those before it let it.
    func order(_ task: ISCSITask) {
        if orderedCount > 0, mustWait(task) {
            task.state = .blocked
            blocked.append(task)
        } else {
            enqueue(task)
        }
    }

    /// Whether a command has to wait for an earlier one to the same unit (SAM-5, 8.6).
    private func mustWait(_ task: ISCSITask) -> Bool {
        guard !task.isHeadOfQueue else { return false }
        return tasks.values.contains { other in
            other.sequence < task.sequence && other.command.lun == task.command.lun
                && (task.isOrdered || other.isOrdered)
        }
    }

    /// Lets commands go on that waited for others.
    func unblock() {
        guard !blocked.isEmpty else { return }
        let waiting = blocked
        blocked = []
        for task in waiting where task.state == .blocked && !task.isAborted {
            order(task)
        }
    }

    private func enqueue(_ task: ISCSITask) {
        task.state = .ready
        // One whose data came with it has been tried already.
        if task.room > 0, task.transfer.wanted <= Self.nowLimit, task.readRoom == 0,
            let outcome = writeNow(task)
        {
            task.outcome = outcome
            return finish(task)
        }
        ready.append(task)
    }

    private func writeNow(_ task: ISCSITask) -> SCSIOutcome? {
        guard let device else { return nil }
        return task.dataOut.withUnsafeReadableBytes { source in
            device.performNow(
                task.scsi,
                dataOut: UnsafeRawBufferPointer(rebasing: source[..<task.transfer.wanted]),
                dataIn: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Asks for data of commands for which there is room now, and hands those that are ready to
    /// threads, several at once where they are quick.
    ///
    /// Called after everything that may have ended commands.
    func dispatch() {
        feedStarved()
        // Answers that nobody takes are enough; what takes them calls again.
        guard !ready.isEmpty, unsent.count < limits.unsentBytes else { return }
        var batch: [ISCSITask] = []
        batch.reserveCapacity(ready.count)
        var isFull = false
        ready.removeAll { task in
            guard task.state == .ready else { return true }
            let extra = task.readRoom
            // Commands that need no room pass those that wait for it.
            guard extra == 0 || ((!isFull || isOldest(task)) && take(extra, for: task)) else {
                isFull = true
                return false
            }
            bytesInFlight += extra
            task.budget += extra
            task.state = .running
            if extra > 0 { task.dataIn = takeBuffer(extra) }
            batch.append(task)
            return true
        }
        guard !batch.isEmpty else { return }
        let fit = Int(Self.pieceCost / max(1, taskCost))
        let size = max(1, min(fit, Self.pieceLimit))
        for start in stride(from: 0, to: batch.count, by: size) {
            submit(Array(batch[start..<min(start + size, batch.count)]))
        }
    }

    private func submit(_ piece: [ISCSITask]) {
        guard let device else { return }
        runningCount += piece.count
        pool.submit { [self] state in
            let start = Clock.nanoseconds()
            for task in piece {
                if case .active = state {
                    task.perform(on: device)
                } else {
                    // The pool has been shut down: BUSY.
                    task.outcome = SCSIOutcome(status: 0x08)
                }
            }
            let cost = (Clock.nanoseconds() - start) / Int64(piece.count)
            loop.execute { self.completed(piece, cost: cost) }
        }
    }

    private func completed(_ piece: [ISCSITask], cost: Int64) {
        taskCost += (cost - taskCost) / 8
        runningCount -= piece.count
        progress &+= 1
        for task in piece { finish(task) }
        dispatch()
        host.flush()
    }

    /// Ends a command: answers it, unless it was aborted, and lets others go on.
    func finish(_ task: ISCSITask) {
        forget(task)
        if !task.isAborted {
            reply(to: task.command, task.scsi, task.outcome, data: task.dataIn)
        }
        if task.room > 0 { giveBuffer(task.dataOut) }
        giveBuffer(task.dataIn)
        task.dataOut = empty
        task.dataIn = empty
        for waiter in task.waiters { waiter.tick() }
        task.waiters = []
        unblock()
    }

    /// Takes a command out of the books.
    func forget(_ task: ISCSITask) {
        guard task.state != .ended else { return }
        task.state = .ended
        tasks[task.command.initiatorTaskTag] = nil
        bytesInFlight -= task.budget
        // Its answer counts before it no longer does.
        endedBytes += task.budget
        task.budget = 0
        if task.command.isImmediate { immediateCount -= 1 }
        if task.isOrdered { orderedCount -= 1 }
    }
}
