/// What a message about the hosts that a target listens to does (AoEr11, section 3.3).
public enum AoEMaskOperation: UInt8, Sendable {
    /// Answers with the list.
    case read = 0
    /// Follows the directives, then answers with the list.
    case edit = 1
}

/// Why a directive was not followed.
public enum AoEMaskFault: UInt8, Sendable {
    /// No reason is given.
    case unspecified = 1
    /// There is no such directive.
    case badDirective = 2
    /// The list is full.
    case full = 3
}

/// The argument of a message about the hosts that a target listens to.
public struct AoEMaskList: Equatable, Sendable {
    /// Bytes before the directives.
    public static let headerSize = 4
    /// Bytes of a directive.
    public static let directiveSize = 8

    /// What is to happen with one address.
    public struct Directive: Equatable, Sendable {
        /// 0 nothing, 1 add, 2 delete; any number may come.
        public var command: UInt8
        /// The address.
        public var mac: MACAddress

        /// Makes a directive.
        public init(command: UInt8, mac: MACAddress) {
            self.command = command
            self.mac = mac
        }

        /// Nothing is done; entries of answers are such.
        public static let nothing: UInt8 = 0
        /// The address joins the list.
        public static let add: UInt8 = 1
        /// The address leaves the list.
        public static let delete: UInt8 = 2
    }

    /// An `AoEMaskOperation`; any number may come.
    public var operation: UInt8
    /// In answers, an `AoEMaskFault`, or 0.
    public var fault: UInt8 = 0
    /// In answers with a fault, the place of the directive that has it; else their count.
    public var count: UInt8
    /// At most 255 of them.
    public var directives: [Directive]

    /// Makes a message.
    public init(_ operation: AoEMaskOperation, _ directives: [Directive] = []) {
        self.operation = operation.rawValue
        self.directives = directives
        count = UInt8(clamping: directives.count)
    }

    /// Reads what follows a question's header; throws where directives are missing.
    ///
    /// Only a question that edits has directives.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.headerSize, in: bytes)
        let edits = bytes[1] == AoEMaskOperation.edit.rawValue
        try self.init(bytes, hasDirectives: edits)
    }

    /// Reads what follows an answer's header: the list, unless there was a fault.
    public init(decodingAnswer bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.headerSize, in: bytes)
        try self.init(bytes, hasDirectives: bytes[2] == 0)
    }

    private init(
        _ bytes: UnsafeRawBufferPointer, hasDirectives: Bool
    ) throws(AoEWireError) {
        operation = bytes[1]
        fault = bytes[2]
        count = bytes[3]
        directives = []
        guard hasDirectives else { return }
        try need(Self.headerSize + Int(count) * Self.directiveSize, in: bytes)
        directives = (0..<Int(count)).map { index in
            let place = Self.headerSize + index * Self.directiveSize
            return Directive(command: bytes[place + 1], mac: MACAddress(bytes.big48(place + 2)))
        }
    }

    /// The argument's bytes.
    public var encoded: [UInt8] {
        precondition(directives.count <= AoEProtocol.listLimit, "a list within the limit")
        return [0, operation, fault, count]
            + directives.flatMap { [0, $0.command] + $0.mac.bytes }
    }
}

/// What a message about reservations does (AoEr11, section 3.4).
public enum AoEReserveOperation: UInt8, Sendable {
    /// Answers with the list.
    case read = 0
    /// Replaces the list, for those on it or where it is empty.
    case set = 1
    /// Replaces the list, whoever asks.
    case forceSet = 2
}

/// The argument of a message about the hosts that may use the disk.
public struct AoEReserveList: Equatable, Sendable {
    /// Bytes before the addresses.
    public static let headerSize = 2

    /// An `AoEReserveOperation`; any number may come.
    public var operation: UInt8
    /// At most 255 addresses; none: everybody.
    public var hosts: [MACAddress]

    /// Makes a message.
    public init(_ operation: AoEReserveOperation, _ hosts: [MACAddress] = []) {
        self.operation = operation.rawValue
        self.hosts = hosts
    }

    /// Reads what follows the message's header; throws where addresses are missing.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.headerSize, in: bytes)
        operation = bytes[0]
        let count = Int(bytes[1])
        try need(Self.headerSize + count * 6, in: bytes)
        hosts = (0..<count).map { MACAddress(bytes.big48(Self.headerSize + $0 * 6)) }
    }

    /// The argument's bytes.
    public var encoded: [UInt8] {
        precondition(hosts.count <= AoEProtocol.listLimit, "a list within the limit")
        return [operation, UInt8(hosts.count)] + hosts.flatMap(\.bytes)
    }
}
