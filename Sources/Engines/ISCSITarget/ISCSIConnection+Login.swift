import ISCSIWire
import NIOCore

extension ISCSIConnection {
    /// Carries out one step of a login.
    func login(_ machine: LoginMachine, _ current: Current, _ data: ByteBuffer) {
        guard case .login(let request)? = current.pdu else {
            return refuseLogin(of: current.header)
        }
        var machine = machine
        let action = machine.receive(request, data: data.readableBytesView)
        phase = .login(machine)
        switch action {
        case .reply(let reply, let answers): send(reply, answers, request)
        case .refuse(let reply):
            send(reply, TextPairs(), request)
            closeAfterFlush()
            phase = .closing
        case .finish(let reply, let answers, let result):
            phase = .joining
            join(reply, answers, result, request)
        }
    }

    private func send(_ reply: LoginReply, _ answers: TextPairs, _ request: LoginRequest) {
        let bytes = answers.bytes
        let numbers = StatusNumbers(
            statSN: statSN, expCmdSN: request.cmdSN,
            maxCmdSN: request.cmdSN &+ UInt32(configuration.limits.commands - 1))
        // Numbers mean nothing where the login failed (11.13.5).
        if reply.status == 0 { statSN &+= 1 }
        write(TargetPDU.login(reply, length: bytes.count, numbers: numbers), bytes: bytes)
    }

    /// Something other than a login came first (6.3.1, 11.13.5).
    private func refuseLogin(of header: BasicHeader) {
        var reply = BasicHeader(opcode: TargetOpcode.loginResponse.rawValue)
        reply.initiatorTaskTag = header.initiatorTaskTag
        reply.words[9] = UInt32(LoginStatus.invalidDuringLogin.rawValue) << 16
        write(reply, bytes: [])
        closeAfterFlush()
        phase = .closing
    }

    /// Makes a session of a login, when the session that it replaces has ended.
    private func join(
        _ reply: LoginReply, _ answers: TextPairs, _ result: LoginResult, _ request: LoginRequest
    ) {
        let key = SessionRegistry.Key(
            initiator: result.initiator, isid: result.isid, target: result.target)
        let (tsih, replaced) = registry.join(key, self, counters)
        var reply = reply
        reply.tsih = tsih
        let final = reply
        let loop = loop
        // Lets the other connection's event loop call back on this one.
        let resumeHere: @Sendable () -> Void = {
            loop.execute {
                guard case .joining = self.phase else { return }
                self.establish(final, answers, result, request)
                self.resume()
            }
        }
        guard let replaced, replaced !== self else {
            return afterEarlierEnds(of: result.target, resumeHere) {
                establish(reply, answers, result, request)
            }
        }
        replaced.loop.execute {
            replaced.whenEnded(resumeHere)
            replaced.close()
        }
        let limit = TimeAmount.milliseconds(configuration.limits.answerMilliseconds)
        timers.append(
            loop.scheduleTask(in: limit) { [weak self] in
                guard let self, case .joining = self.phase else { return }
                let late = LoginReply(
                    to: request, status: LoginStatus.serviceUnavailable.rawValue)
                self.send(late, TextPairs(), request)
                self.closeAfterFlush()
                self.phase = .closing
            })
    }

    /// Lets connections that the network has ended already, on other event loops, end before a new
    /// session begins: what was lost with them (such as a prevention of removal) is not to be met
    /// by an initiator that came back.
    private func afterEarlierEnds(
        of target: Int?, _ resumeHere: @escaping @Sendable () -> Void, now: () -> Void
    ) {
        var loops: [ObjectIdentifier: any EventLoop] = [:]
        for other in target.map({ registry.connections(of: $0, except: self) }) ?? [] {
            loops[ObjectIdentifier(other.loop)] = other.loop
        }
        loops[ObjectIdentifier(loop)] = nil
        guard !loops.isEmpty else { return now() }
        // A deadline, however near, makes a loop look at its sockets before it runs the task.
        let looks = loops.values.map { $0.scheduleTask(in: .milliseconds(1)) {}.futureResult }
        EventLoopFuture.andAllComplete(looks, on: loop).whenComplete { _ in resumeHere() }
    }

    private func establish(
        _ reply: LoginReply, _ answers: TextPairs, _ result: LoginResult, _ request: LoginRequest
    ) {
        guard let context else { return }
        for timer in timers { timer.cancel() }
        timers = []
        send(reply, answers, request)
        framer.headerDigest = result.parameters.headerDigest
        framer.dataDigest = result.parameters.dataDigest
        framer.dataLimit = result.parameters.targetDataSegment
        let session = ISCSISession(
            connection: (loop, pool, context.channel.allocator), configuration: configuration,
            login: result,
            discovery: Discovery(
                configuration: configuration, initiator: result.initiator, peer: peer,
                portal: portal, target: result.target),
            numbers: (request.cmdSN, statSN), counters: counters, host: host(of: result))
        phase = .session(session)
        watch()
    }

    private func host(of login: LoginResult) -> ISCSISession.Host {
        let others: () -> [ISCSIConnection] = { [weak self] in
            guard let self, let target = login.target else { return [] }
            return registry.connections(of: target, except: self)
        }
        return ISCSISession.Host(
            flush: { [weak self] in self?.flush() },
            closeAfterFlush: { [weak self] in self?.closeAfterFlush() },
            siblings: others,
            dropSiblings: {
                for other in others() { other.loop.execute { other.closeAfterFlush() } }
            })
    }

    /// The login took too long.
    func loginIsLate() {
        switch phase {
        case .login, .joining:
            phase = .closing
            context?.close(promise: nil)
        case .session, .closing: break
        }
    }

    /// Looks, now and then, whether the initiator is still there.
    private func watch() {
        let limits = configuration.limits
        let period = TimeAmount.milliseconds(
            max(10, min(limits.pingMilliseconds, limits.shortMilliseconds) / 4))
        lastHeard = .now()
        let timer = loop.scheduleRepeatedTask(initialDelay: period, delay: period) {
            [weak self] task in
            guard let self, case .session(let session) = self.phase else { return task.cancel() }
            self.look(session, limits)
        }
        _ = timer
    }

    private func look(_ session: ISCSISession, _ limits: ISCSILimits) {
        counters.publish()
        let now = NIODeadline.now()
        if session.isStuck(now, limits) { return close() }
        if let pingedAt {
            guard now - pingedAt > .milliseconds(limits.answerMilliseconds) else { return }
            context?.close(promise: nil)
        } else if now - lastHeard > .milliseconds(limits.pingMilliseconds) {
            pingedAt = now
            session.replies.shrink(allocator: session.allocator)
            session.stock.empty()
            session.ping()
            flush()
        }
    }
}

extension ISCSIConnection {
    /// Asks the initiator to log out; closes when the grace is over (RFC 7143, 11.9.1).
    func askToLeave(within grace: TimeAmount) {
        guard case .session(let session) = phase, grace > .zero else { return dismiss() }
        session.announce(.logoutRequest(seconds: seconds(grace)))
        flush()
        timers.append(loop.scheduleTask(in: grace) { [weak self] in self?.dismiss() })
    }

    private func seconds(_ time: TimeAmount) -> UInt16 {
        UInt16(clamping: (time.nanoseconds + 999_999_999) / 1_000_000_000)
    }

    private func dismiss() {
        if case .session(let session) = phase {
            session.announce(
                .dropConnection(
                    id: session.connectionID,
                    waitSeconds: UInt16(clamping: session.parameters.defaultTime2Wait),
                    retainSeconds: UInt16(clamping: session.parameters.defaultTime2Retain)))
        }
        closeAfterFlush()
    }
}
