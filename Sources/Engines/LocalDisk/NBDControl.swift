import Bytes
import Glibc
import NetlinkWire
import Platform

/// The kernel's NBD client, spoken to by generic netlink.
///
/// One thread at a time.
final class NBDControl {
    /// The most datagrams of one answer.
    private static let answerLimit = 32
    private let socket: NetlinkSocket
    private var family: UInt16 = 0
    private var sequence: UInt32 = 0

    /// Finds the client; `ENOENT` where the kernel has none at the moment.
    init() throws(SystemError) {
        socket = try NetlinkSocket()
        var found: UInt16?
        let question = GenericNetlink.findFamily(NBDNetlink.family, sequence: next())
        try ask(question) { message throws(BytesError) in
            found = try GenericNetlink.family(in: message) ?? found
        }
        guard let found else { throw SystemError(errno: EPROTO, call: "find the NBD client") }
        family = found
    }

    /// Makes a device; returns its number.
    func connect(_ device: NBDNetlink.Device) throws(SystemError) -> UInt32 {
        var index: UInt32?
        let family = family
        try ask(NBDNetlink.connect(device, family: family, sequence: next())) {
            message throws(BytesError) in
            index = try NBDNetlink.index(in: message, family: family) ?? index
        }
        guard let index else { throw SystemError(errno: EPROTO, call: "NBD_CMD_CONNECT") }
        return index
    }

    /// Whether a device disconnects when its last user closes it.
    func disconnectOnClose(
        _ on: Bool, _ index: UInt32, owner: String
    ) throws(SystemError) {
        try ask(
            NBDNetlink.disconnectOnClose(
                on, index: index, owner: owner, family: family, sequence: next()))
    }

    /// Takes a device's connections away.
    func disconnect(_ index: UInt32) throws(SystemError) {
        try ask(NBDNetlink.disconnect(index: index, family: family, sequence: next()))
    }

    private func next() -> UInt32 {
        sequence += 1
        return sequence
    }

    /// Asks, hears the whole answer, and throws the errno that it ends with.
    private func ask(
        _ question: NetlinkMessage, hear: (NetlinkMessage) throws(BytesError) -> Void = { _ in }
    ) throws(SystemError) {
        try socket.send(question.encoded)
        for _ in 0..<Self.answerLimit {
            let datagram = try socket.receive(limit: NetlinkMessage.limit)
            var outcome: Int32?
            do throws(BytesError) {
                for message in try NetlinkMessage.decode(datagram)
                where message.sequence == question.sequence {
                    outcome = try message.outcome()
                    if outcome != nil { break }
                    try hear(message)
                }
            } catch { throw SystemError(errno: EBADMSG, call: "hear the kernel's NBD client") }
            guard let outcome else { continue }
            if outcome == 0 { return }
            throw SystemError(errno: outcome, call: "ask the kernel's NBD client")
        }
        throw SystemError(errno: EPROTO, call: "hear the kernel's NBD client")
    }
}
