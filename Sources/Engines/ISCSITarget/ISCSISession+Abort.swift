import ISCSIWire
import NIOCore
import SCSITarget

extension ISCSISession {
    /// Ends commands quietly; `done` is called when the last of them has: at once, unless a thread
    /// is carrying one out.
    func abortTasks(
        _ isMeant: (ISCSITask) -> Bool, then done: @escaping () -> Void
    ) {
        var running: [ISCSITask] = []
        let meant = tasks.values.filter(isMeant)
        for task in meant { task.isAborted = true }
        for task in meant {
            if task.state == .running {
                running.append(task)
            } else {
                finish(task)
            }
        }
        blocked.removeAll { $0.state == .ended }
        ready.removeAll { $0.state == .ended }
        starved.removeAll { $0.state == .ended }
        if let nexus {
            // What goes on without its command, such as a SANITIZE, is not waited for.
            for task in running { device?.abandon(nexus, lun: task.command.lun) }
        }
        let countdown = Countdown(running.count, done: done)
        for task in running { task.waiters.append(countdown) }
    }

    /// What the device server says that others aborted.
    func abortFromOutside(_ abort: SCSIAbort) {
        abortTasks { task in
            // The command that preempts is not among what it aborts.
            let isItself = abort.cause == .preempted && task.isReservation
            return (abort.lun == nil || abort.lun == task.command.lun) && !isItself
        } then: {
        }
        dispatch()
        host.flush()
    }

    /// Carries a task management function out (RFC 7143, 11.5 and 11.6).
    func manage(_ request: TaskManagementPDU) {
        guard let device else { return }
        let function = TaskManagementPDU.Function(rawValue: request.function)
        if let function, function != .targetWarmReset, function != .targetColdReset,
            !device.logicalUnits.contains(request.lun)
        {
            return answer(request, .noSuchLogicalUnit)
        }
        switch function {
        case .abortTask: abortTask(request)
        case .abortTaskSet:
            abortTasks {
                $0.command.lun == request.lun
            } then: { [self] in
                answer(request, .complete)
            }
        case .clearTaskSet:
            abortEverywhere(lun: request.lun, tells: true) { [self] in
                answer(request, .complete)
            }
        case .logicalUnitReset:
            abortEverywhere(lun: request.lun) { [self] in
                device.reset(.logicalUnit(request.lun), by: nexus)
                answer(request, .complete)
            }
        case .targetWarmReset, .targetColdReset:
            abortEverywhere(lun: nil) { [self] in
                device.reset(function == .targetColdReset ? .targetCold : .targetWarm, by: nexus)
                answer(request, .complete)
                guard function == .targetColdReset else { return }
                // Every connection to the target ends, this one when the answer is out.
                host.dropSiblings()
                host.closeAfterFlush()
            }
        case .taskReassign: answer(request, .reassignNotSupported)
        case .clearACA, nil: answer(request, .notSupported)
        }
    }

    private func abortTask(_ request: TaskManagementPDU) {
        if let task = tasks[request.referencedTaskTag] {
            guard task.command.lun == request.lun else { return answer(request, .noSuchTask) }
            return abortTasks {
                $0 === task
            } then: { [self] in
                answer(request, .complete)
            }
        }
        if let number = held.first(where: {
            $0.value.header.initiatorTaskTag == request.referencedTaskTag
        })?.key {
            skip(number)
            return answer(request, .complete)
        }
        // A command that is still to come counts as come and aborted (11.6.1).
        let isAhead =
            window.judge(request.refCmdSN, isImmediate: false) != .ignore
            && SerialNumber.isLess(request.refCmdSN, request.cmdSN)
            && held[request.refCmdSN] == nil
        guard isAhead else { return answer(request, .noSuchTask) }
        skip(request.refCmdSN)
        answer(request, .complete)
    }

    /// Counts a command number as delivered, though nothing of it is carried out.
    private func skip(_ cmdSN: UInt32) {
        _ = takeHeld(cmdSN)
        var header = BasicHeader(opcode: InitiatorOpcode.snack.rawValue)
        header.words[6] = cmdSN
        held[cmdSN] = Held(header: header, pdu: nil, data: empty, isIntact: true)
        deliverHeld()
    }

    /// Has the initiator told that another one cleared its commands, if it has any.
    func tellCleared(_ lun: UInt64) {
        guard let device, let nexus, tasks.values.contains(where: { $0.command.lun == lun })
        else { return }
        device.commandsWereCleared(lun: lun, of: nexus)
    }

    /// Aborts the commands of every session of the target.
    ///
    /// A reset tells everybody itself; with `tells` this does.
    private func abortEverywhere(
        lun: UInt64?, tells: Bool = false, then done: @escaping () -> Void
    ) {
        let others = host.siblings()
        let countdown = Countdown(others.count + 1, done: done)
        let (loop, tick) = (self.loop, Tick(countdown))
        for other in others {
            other.loop.execute {
                other.abortTasks(lun: lun, tells: tells) {
                    loop.execute { tick.countdown.tick() }
                }
            }
        }
        abortTasks {
            lun == nil || $0.command.lun == lun
        } then: {
            countdown.tick()
        }
    }

    private func answer(
        _ request: TaskManagementPDU, _ response: TaskManagementPDU.Response
    ) {
        replies.append(
            TargetPDU.taskManagement(
                task: request.initiatorTaskTag, response: response, numbers: numbers()))
        host.flush()
    }
}

/// Carries a countdown to another event loop and back.
// Touched on the countdown's own loop only, so it needs no lock.
private struct Tick: @unchecked Sendable {
    let countdown: Countdown
    init(_ countdown: Countdown) { self.countdown = countdown }
}
