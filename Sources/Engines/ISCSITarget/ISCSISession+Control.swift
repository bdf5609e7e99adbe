import ISCSIWire
import NIOCore

extension ISCSISession {
    /// Answers a ping, or takes the answer to ours (RFC 7143, 11.18 and 11.19).
    func answer(_ ping: NOPOut, _ data: ByteBuffer) {
        guard ping.initiatorTaskTag != ISCSIWire.reservedTag else {
            if ping.targetTransferTag == pingTag { pingTag = nil }
            return
        }
        let header = TargetPDU.nopIn(task: ping.initiatorTaskTag, numbers: numbers())
        data.withUnsafeReadableBytes { bytes in
            let count = min(bytes.count, parameters.initiatorDataSegment)
            replies.append(header, data: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }

    /// Asks for a sign of life.
    func ping() {
        let tag = freshTag()
        pingTag = tag
        replies.append(
            TargetPDU.nopIn(
                task: ISCSIWire.reservedTag, transfer: tag, numbers: numbers(usesStatus: false)))
    }

    /// Answers a text request (11.10).
    func answer(_ request: TextRequest, _ data: ByteBuffer, _ header: BasicHeader) {
        let fresh = freshTag()
        do throws(ISCSIWireError) {
            let answer = try text.receive(
                request, data: data.readableBytesView,
                segment: parameters.initiatorDataSegment, fresh: fresh
            ) { pairs throws(ISCSIWireError) in try self.answer(pairs) }
            let response = TargetPDU.text(
                task: request.initiatorTaskTag, isFinal: answer.isFinal,
                continues: answer.continues, transfer: answer.tag, length: answer.bytes.count,
                numbers: numbers())
            replies.append(response, bytes: answer.bytes)
        } catch {
            text = TextExchange()
            reject(header, .protocolError)
        }
    }

    /// What may be asked in the full feature phase: targets, and a new size of segments.
    private func answer(_ pairs: TextPairs) throws(ISCSIWireError) -> [UInt8] {
        var answers: [UInt8] = []
        for pair in pairs.pairs {
            var one = TextPairs()
            switch pair.key {
            case "SendTargets":
                guard let found = discovery.answer(pair.value) else {
                    one.append(pair.key, "Reject")
                    break
                }
                answers += found.bytes
            case "MaxRecvDataSegmentLength":
                guard let value = TextValue.number(pair.value),
                    (512...UInt64(ISCSIWire.dataSegmentLimit)).contains(value)
                else {
                    one.append(pair.key, "Reject")
                    break
                }
                parameters.initiatorDataSegment = Int(value)
            case "InitiatorAlias": parameters.initiatorAlias = String(pair.value.prefix(255))
            default:
                let isKnown = Self.loginKeys.contains(pair.key)
                one.append(pair.key, isKnown ? "Reject" : "NotUnderstood")
            }
            answers += one.bytes
        }
        return answers
    }

    /// Keys that only a login negotiates (chapter 13, "Use: LO, IO").
    private static let loginKeys: Set<String> = [
        "HeaderDigest", "DataDigest", "MaxConnections", "TargetName", "InitiatorName",
        "TargetAlias", "TargetAddress", "TargetPortalGroupTag", "InitialR2T", "ImmediateData",
        "MaxBurstLength", "FirstBurstLength", "DefaultTime2Wait", "DefaultTime2Retain",
        "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder", "ErrorRecoveryLevel",
        "SessionType", "AuthMethod", "TaskReporting", "iSCSIProtocolLevel",
    ]

    /// Closes the session, or its only connection, which is the same (11.14).
    func logout(_ request: LogoutRequest) {
        let isOther = request.reason != .closeSession && request.connectionID != connectionID
        let response: UInt8 = isOther ? 1 : request.reason == .removeForRecovery ? 2 : 0
        guard response == 0 else { return self.answer(request, response) }
        isClosing = true
        abortTasks { _ in
            true
        } then: { [self] in
            self.answer(request, 0)
            host.closeAfterFlush()
        }
    }

    private func answer(_ request: LogoutRequest, _ response: UInt8) {
        replies.append(
            TargetPDU.logout(
                task: request.initiatorTaskTag, response: response,
                waitSeconds: UInt16(clamping: parameters.defaultTime2Wait),
                retainSeconds: UInt16(clamping: parameters.defaultTime2Retain),
                numbers: numbers()))
        host.flush()
    }

    /// Rejects a PDU (11.17).
    func reject(_ header: BasicHeader, _ reason: RejectReason) {
        replies.append(TargetPDU.reject(reason, numbers: numbers()), bytes: header.bytes)
    }

    /// Tells the initiator something it did not ask for (11.9).
    func announce(_ event: AsyncEvent) {
        replies.append(TargetPDU.async(event, numbers: numbers()))
    }
}
