import Glibc
import ISCSIWire
import Platform

@testable import ISCSITarget

/// An initiator that sends whatever bytes a test wants, right or wrong.
final class RawInitiator {
    struct PDU {
        let header: [UInt8]
        let data: [UInt8]
        var opcode: UInt8 { header[0] & 0x3F }
        func word(_ offset: Int) -> UInt32 {
            header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
        /// Status class and detail of a login response.
        var status: UInt16 { UInt16(header[36]) << 8 | UInt16(header[37]) }
        var text: String { String(decoding: data, as: UTF8.self) }
    }

    struct Gone: Error {}

    private let socket: Int32
    var headerDigest = false
    var dataDigest = false
    var cmdSN: UInt32 = 1
    var nextTag: UInt32 = 1
    var isid: [UInt8] = [0x80, 0, 0, 0, 0, 1]

    /// A child that another test starts must not keep the connection.
    static let stream = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

    init(port: Int, timeoutSeconds: Int = 60) throws {
        socket = Glibc.socket(AF_INET, Self.stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Gone() }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(
            socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(
            socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    /// A socket that listens on loopback, at a port that the kernel chooses.
    static func listener() throws -> OwnedFD {
        let socket = OwnedFD(taking: Glibc.socket(AF_INET, stream, 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(socket.raw, 8) == 0 else { throw Gone() }
        return socket
    }

    func send(bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let sent = bytes[done...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { throw Gone() }
            done += sent
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = recv(socket, &bytes[done], count - done, 0)
            guard got > 0 else { throw Gone() }
            done += got
        }
        return bytes
    }

    /// Whether the other side has closed, or does within the time limit.
    func isClosed() -> Bool {
        var byte: UInt8 = 0
        while true {
            let got = recv(socket, &byte, 1, 0)
            if got == 0 || (got < 0 && errno == ECONNRESET) { return true }
            if got < 0 { return false }
        }
    }

    func receive() throws -> PDU {
        let header = try receive(48)
        if headerDigest {
            let digest = try receive(4)
            guard Self.digest(header) == digest else { throw Gone() }
        }
        let length = Int(header[5]) << 16 | Int(header[6]) << 8 | Int(header[7])
        let data = try receive((length + 3) & ~3)
        if dataDigest, length > 0 {
            let digest = try receive(4)
            guard Self.digest(data) == digest else { throw Gone() }
        }
        return PDU(header: header, data: Array(data[..<length]))
    }

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let crc = bytes.withUnsafeBytes { Checksum.crc32c($0) }
        return (0..<4).map { UInt8(truncatingIfNeeded: crc >> (8 * $0)) }
    }

    /// The bytes of a PDU: some header fields, and data.
    func pdu(_ fields: [Int: [UInt8]], data: [UInt8] = [], spoil: Bool = false) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 48)
        for (offset, field) in fields {
            header.replaceSubrange(offset..<offset + field.count, with: field)
        }
        header.replaceSubrange(5..<8, with: Self.bytes(UInt32(data.count))[1...])
        var bytes = header
        if headerDigest { bytes += Self.digest(header) }
        let padded = data + [UInt8](repeating: 0, count: (4 - data.count % 4) % 4)
        bytes += padded
        if dataDigest, !data.isEmpty {
            let digest = Self.digest(padded)
            bytes += spoil ? digest.map { ~$0 } : digest
        }
        return bytes
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    func tag() -> UInt32 {
        defer { nextTag += 1 }
        return nextTag
    }

    /// One login request and its response.
    func login(
        stage: UInt8, next: UInt8? = nil, _ pairs: [String], tsih: UInt16 = 0,
        continues: Bool = false
    ) throws -> PDU {
        let flags = stage << 2 | (next.map { 0x80 | $0 } ?? 0) | (continues ? 0x40 : 0)
        let text = pairs.map { $0 + "\0" }.joined()
        try send(
            bytes: pdu(
                [
                    0: [0x43, flags], 8: isid + [UInt8(tsih >> 8), UInt8(tsih & 255)],
                    16: Self.bytes(0x100), 24: Self.bytes(cmdSN),
                ], data: Array(text.utf8)))
        return try receive()
    }

    /// Logs in to the bench's target without a password.
    @discardableResult
    func enter(
        _ keys: [String] = [], initiator: String = "iqn.2026-11.test:raw"
    ) throws -> PDU {
        let response = try login(
            stage: 1, next: 3,
            [
                "InitiatorName=\(initiator)", "TargetName=\(Bench.iqn)", "SessionType=Normal",
            ] + keys)
        guard response.status == 0, response.header[1] == 0x87 else { throw Gone() }
        headerDigest = response.text.contains("HeaderDigest=CRC32C")
        dataDigest = response.text.contains("DataDigest=CRC32C")
        return response
    }

    /// The bytes of a SCSI command, with the next command number.
    func command(
        _ cdb: [UInt8], flags: UInt8, expected: Int, data: [UInt8] = [], tag: UInt32? = nil,
        lun: UInt8 = 0, spoil: Bool = false, isImmediate: Bool = false
    ) -> [UInt8] {
        let number = cmdSN
        if !isImmediate { cmdSN &+= 1 }
        return pdu(
            [
                0: [isImmediate ? 0x41 : 0x01, flags], 8: [0, lun],
                16: Self.bytes(tag ?? self.tag()), 20: Self.bytes(UInt32(expected)),
                24: Self.bytes(number), 32: cdb,
            ], data: data, spoil: spoil)
    }

    /// The bytes of a Data-Out.
    func dataOut(
        tag: UInt32, transfer: UInt32, number: UInt32, offset: Int, _ data: [UInt8],
        isFinal: Bool, spoil: Bool = false
    ) -> [UInt8] {
        pdu(
            [
                0: [0x05, isFinal ? 0x80 : 0], 16: Self.bytes(tag), 20: Self.bytes(transfer),
                36: Self.bytes(number), 40: Self.bytes(UInt32(offset)),
            ], data: data, spoil: spoil)
    }

    /// The bytes of a task management request, immediate.
    func manage(
        _ function: UInt8, lun: UInt8 = 0, referenced: UInt32 = 0xFFFF_FFFF, refCmdSN: UInt32 = 0,
        tag: UInt32
    ) -> [UInt8] {
        pdu([
            0: [0x42, 0x80 | function], 8: [0, lun], 16: Self.bytes(tag),
            20: Self.bytes(referenced), 24: Self.bytes(cmdSN), 32: Self.bytes(refCmdSN),
        ])
    }

    /// Sends commands until unit attentions have been told.
    func settle(lun: UInt8 = 0) throws {
        for _ in 0..<8 {
            try send(bytes: command(CDB.testUnitReady, flags: 0x80, expected: 0, lun: lun))
            if try receive().header[3] == 0 { return }
        }
        throw Gone()
    }
}

/// Command descriptor blocks.
enum CDB {
    static let testUnitReady = [UInt8](repeating: 0, count: 16)

    static func read10(_ block: UInt32, _ count: UInt16) -> [UInt8] { ten(0x28, block, count) }
    static func write10(_ block: UInt32, _ count: UInt16) -> [UInt8] { ten(0x2A, block, count) }

    private static func ten(_ opcode: UInt8, _ block: UInt32, _ count: UInt16) -> [UInt8] {
        [opcode, 0] + RawInitiator.bytes(block) + [0, UInt8(count >> 8), UInt8(count & 255), 0]
    }
}
