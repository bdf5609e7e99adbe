import ISCSIWire
import NIOCore

extension ISCSIConnection {
    /// A PDU begins: decides where its data goes.
    func begin(_ header: BasicHeader, _ additional: [UInt8]) {
        var current = Current(header: header, pdu: nil)
        do throws(ISCSIWireError) {
            let pdu = try InitiatorPDU(header, additional: additional)
            current = Current(header: header, pdu: pdu)
            if case .dataOut(let out) = pdu, case .session(let session) = phase {
                current.destination = session.begin(out, length: header.dataLength)
            }
        } catch {
            if case .opcode = error {
                current.refusal = .commandNotSupported
            } else {
                current.refusal = .invalidPDUField
            }
        }
        self.current = current
    }

    /// A part of its data.
    func take(_ piece: ByteBuffer, at offset: Int) {
        guard let current, current.refusal == nil else { return }
        switch current.destination {
        case .task(let task, let start):
            if case .session(let session) = phase {
                session.store(piece, of: task, at: start + offset)
            }
        case .nowhere: break
        case nil:
            // The usual PDU lies in one piece, which is not copied.
            if offset == 0, piece.readableBytes == current.header.dataLength {
                self.current?.data = piece
            } else {
                append(piece, of: current.header.dataLength)
            }
        }
    }

    private func append(_ piece: ByteBuffer, of length: Int) {
        if current?.data == nil {
            if case .session(let session) = phase {
                current?.data = session.takeBuffer(length)
            } else {
                current?.data = ByteBuffer()
            }
        }
        var piece = piece
        current?.data?.writeBuffer(&piece)
    }

    /// A PDU is complete.
    func finish(isIntact: Bool) {
        guard let current else { return }
        self.current = nil
        lastHeard = .now()
        pingedAt = nil
        let data = current.data ?? ByteBuffer()
        switch phase {
        case .login(let machine): login(machine, current, data)
        case .session(let session):
            guard current.refusal == nil, let pdu = current.pdu else {
                session.refuse(current.header, current.refusal ?? .protocolError)
                return
            }
            switch current.destination {
            case .task(let task, _), .nowhere(let task?):
                session.finish(task, isIntact: isIntact, header: current.header)
            case .nowhere: break
            case nil: session.receive(current.header, pdu, data: data, isIntact: isIntact)
            }
        case .joining, .closing: break
        }
    }

    /// Ends commands of this connection's session, for another session; with `tells` its initiator
    /// is told if there were any.
    func abortTasks(lun: UInt64?, tells: Bool, then done: @escaping () -> Void) {
        guard case .session(let session) = phase else { return done() }
        if tells, let lun { session.tellCleared(lun) }
        session.abortTasks {
            lun == nil || $0.command.lun == lun
        } then: {
            done()
        }
        session.dispatch()
        flush()
    }
}
