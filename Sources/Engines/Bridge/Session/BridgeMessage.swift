import Bytes

/// What session and bridge say to each other, one message a packet.
///
/// Both are the same program, so there is no version. The bridge is still told nothing that it
/// would have to trust beyond its bounds, and the session trusts nothing that the bridge says.
enum BridgeMessage: Equatable, Sendable {
    // From the session.

    /// Serve these exports on the FUSE descriptor that comes with the message.
    case serve([BridgeExport], BridgeOptions)
    /// The guest is gone.
    case guestGone(reason: String)
    /// Write everything to the guest's disks.
    case drain
    /// Say what has been done.
    case tellStatistics
    /// Carry connections to these ports of the guest; the listening sockets of the host come with
    /// the message, in the same order.
    case forward(ports: [UInt16])

    // From the bridge.

    /// The link is ready; its other end comes with the message.
    case link
    /// The guest has dialled; its control connection comes with the message.
    case guest
    /// The folder is usable, or connections are carried.
    case serving
    /// Everything is written.
    case drained(BridgeStatistics)
    /// What has been done.
    case statistics(BridgeStatistics)
    /// The folder is no longer mounted.
    case unmounted
    /// The guest was lost.
    case guestLost(reason: String)
    /// What was asked for could not be done.
    case failed(BridgeError)

    /// Longest message, in bytes.
    static let limit = 1 << 16
    /// Most exports of one folder.
    static let exportLimit = 256
    /// Most listening sockets: as many as one message brings.
    static let listenerLimit = 16
    private static let textLimit = 4096

    private enum Kind: UInt8 {
        case serve = 1
        case guestGone, drain, tellStatistics, forward
        case link = 33
        case guest, serving, drained, statistics, unmounted, guestLost, failed
    }

    private var kind: Kind {
        switch self {
        case .serve: .serve
        case .guestGone: .guestGone
        case .drain: .drain
        case .tellStatistics: .tellStatistics
        case .forward: .forward
        case .link: .link
        case .guest: .guest
        case .serving: .serving
        case .drained: .drained
        case .statistics: .statistics
        case .unmounted: .unmounted
        case .guestLost: .guestLost
        case .failed: .failed
        }
    }

    /// The message's bytes.
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.write(kind.rawValue)
        switch self {
        case .serve(let exports, let options):
            writer.write(options)
            writer.write(UInt32(exports.count))
            for export in exports { writer.write(export) }
        case .forward(let ports):
            writer.write(UInt32(ports.count))
            for port in ports { writer.write(port) }
        case .guestGone(let reason), .guestLost(let reason):
            writer.write(Self.shortened(reason))
        case .drained(let statistics), .statistics(let statistics):
            for value in statistics.values { writer.write(value) }
        case .failed(let error):
            writer.write(error.step.rawValue)
            writer.write(error.errno)
            writer.write(Self.shortened(error.cause))
            writer.write(Self.shortened(error.remedy))
        case .drain, .tellStatistics, .link, .guest, .serving, .unmounted: break
        }
        return writer.bytes
    }

    /// Decodes a message.
    init(_ bytes: [UInt8]) throws(BytesError) {
        var reader = ByteReader(bytes)
        let number: UInt8 = try reader.integer()
        guard let kind = Kind(rawValue: number) else {
            throw .invalid(field: "bridge message", value: UInt64(number))
        }
        switch kind {
        case .serve:
            let options = try BridgeOptions(&reader)
            var exports: [BridgeExport] = []
            for _ in 0..<(try Self.count(&reader, limit: Self.exportLimit)) {
                exports.append(try BridgeExport(&reader))
            }
            self = .serve(exports, options)
        case .forward: self = .forward(ports: try Self.ports(&reader))
        case .guestGone: self = .guestGone(reason: try reader.text(limit: Self.textLimit))
        case .drain: self = .drain
        case .tellStatistics: self = .tellStatistics
        case .link: self = .link
        case .guest: self = .guest
        case .serving: self = .serving
        case .drained: self = .drained(try BridgeStatistics(&reader))
        case .statistics: self = .statistics(try BridgeStatistics(&reader))
        case .unmounted: self = .unmounted
        case .guestLost: self = .guestLost(reason: try reader.text(limit: Self.textLimit))
        case .failed: self = .failed(try BridgeError(&reader, limit: Self.textLimit))
        }
        try reader.finish()
    }

    private static func count(
        _ reader: inout ByteReader, limit: Int
    ) throws(BytesError) -> Int {
        let count = Int(try reader.integer(as: UInt32.self))
        guard count <= limit else { throw .tooLong(length: count, limit: limit) }
        return count
    }

    private static func ports(_ reader: inout ByteReader) throws(BytesError) -> [UInt16] {
        let count = try count(&reader, limit: listenerLimit)
        guard count > 0 else { throw .invalid(field: "count of ports", value: 0) }
        var ports: [UInt16] = []
        for _ in 0..<count {
            let port: UInt16 = try reader.integer()
            guard port != 0 else { throw .invalid(field: "port", value: 0) }
            ports.append(port)
        }
        return ports
    }

    private static func shortened(_ text: String) -> String {
        text.utf8.count <= 1024 ? text : String(text.prefix(256))
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ options: BridgeOptions) {
        write(options.user)
        write(options.group)
        write(options.faithful)
        write(options.readOnly)
        write(options.isForCopying)
        write(options.requestTimeoutMilliseconds)
    }

    fileprivate mutating func write(_ export: BridgeExport) {
        write(export.id)
        write(export.name)
        write(export.rootHandle)
        write(export.readOnly)
    }
}

extension BridgeOptions {
    fileprivate init(_ reader: inout ByteReader) throws(BytesError) {
        self.init(
            user: try reader.integer(), group: try reader.integer(), faithful: try reader.bool(),
            readOnly: try reader.bool(), isForCopying: try reader.bool(),
            requestTimeoutMilliseconds: try reader.integer())
    }
}

extension BridgeExport {
    fileprivate init(_ reader: inout ByteReader) throws(BytesError) {
        self.init(
            id: try reader.integer(), name: try reader.text(limit: 255),
            rootHandle: try reader.blob(limit: 64), readOnly: try reader.bool())
    }
}

extension BridgeStatistics {
    fileprivate var values: [UInt64] {
        [bytesRead, bytesWritten, calls, requests, uncommittedBytes, lostFiles, knownFiles]
    }

    fileprivate init(_ reader: inout ByteReader) throws(BytesError) {
        bytesRead = try reader.integer()
        bytesWritten = try reader.integer()
        calls = try reader.integer()
        requests = try reader.integer()
        uncommittedBytes = try reader.integer()
        lostFiles = try reader.integer()
        knownFiles = try reader.integer()
    }
}

extension BridgeError {
    fileprivate init(_ reader: inout ByteReader, limit: Int) throws(BytesError) {
        let number: UInt8 = try reader.integer()
        guard let step = Step(rawValue: number) else {
            throw .invalid(field: "step", value: UInt64(number))
        }
        let errno: Int32 = try reader.integer()
        let cause = try reader.text(limit: limit)
        self.init(step, errno: errno, cause, remedy: try reader.text(limit: limit))
    }
}
