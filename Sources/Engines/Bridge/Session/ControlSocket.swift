import Platform

/// The bridge's end of the socket to its session, and its log.
///
/// One thread.
final class ControlSocket {
    private let socket: OwnedFD
    private let logDescriptor: Int32

    init(_ socket: OwnedFD, log: Int32) {
        self.socket = socket
        logDescriptor = log
    }

    /// The descriptor, for poll.
    var raw: Int32 { socket.raw }

    /// Says something; a session that is gone does not hear it.
    func send(_ message: BridgeMessage, descriptors: [Int32] = []) {
        do {
            try Descriptors.send(message.encoded, descriptors: descriptors, over: socket.raw)
        } catch {
            log("cannot tell the session: \(error)")
        }
    }

    /// The session's next order; blocks.
    ///
    /// Nil where the session is gone.
    func receive() throws(BridgeError) -> (BridgeMessage, [OwnedFD])? {
        let bytes: [UInt8]
        let descriptors: [OwnedFD]
        do {
            (bytes, descriptors) = try Descriptors.receive(
                over: socket.raw, limit: BridgeMessage.limit)
        } catch {
            return nil
        }
        guard !bytes.isEmpty else { return nil }
        do { return (try BridgeMessage(bytes), descriptors) } catch {
            throw BridgeError(.control, "the session sent a malformed order (\(error))")
        }
    }

    /// Writes a line to the log, as far as it takes it.
    func log(_ line: String) {
        do { try Files.writeAll(Array("bridge: \(line)\n".utf8), to: logDescriptor) } catch {
            // A log that is full or gone must not stop the folder.
        }
    }
}
