/// Numbers of the protocol (AoEr11, sections 2 and 3).
public enum AoEProtocol {
    /// The Ethernet type.
    public static let etherType: UInt16 = 0x88a2
    /// The only version.
    public static let version: UInt8 = 1
    /// Bytes of a sector, always.
    public static let sectorSize = 512
    /// Bytes of an Ethernet header: what an interface's MTU does not count.
    public static let ethernetHeaderSize = 14
    /// Bytes of the shortest Ethernet frame, without its checksum.
    public static let shortestFrame = 60
    /// Most bytes of a configuration string.
    public static let configLimit = 1024
    /// Most entries of a list: its count is one byte.
    public static let listLimit = 255
}

/// What a message asks for (AoEr11, section 2.6).
public enum AoECommand: UInt8, Sendable, CaseIterable {
    /// An ATA command.
    case ata = 0
    /// Reads or changes the configuration string, and finds targets.
    case config = 1
    /// The list of hosts that a target listens to.
    case maskList = 2
    /// The list of hosts that may use the disk.
    case reserve = 3
}

/// Why a message was refused (AoEr11, section 2.4).
public enum AoEFault: UInt8, Sendable {
    /// The command is not known.
    case unknownCommand = 1
    /// An argument is wrong.
    case badArgument = 2
    /// The disk cannot be used.
    case unavailable = 3
    /// There is a configuration string already.
    case configPresent = 4
    /// The version is not known.
    case unknownVersion = 5
    /// Others have reserved the disk.
    case reserved = 6
}

/// Bits of a message (AoEr11, section 2.3).
public struct AoEFlags: OptionSet, Sendable, Hashable {
    /// The low half of the byte that holds the version too.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The message is an answer.
    public static let response = AoEFlags(rawValue: 8)
    /// The answer is that it was refused.
    public static let error = AoEFlags(rawValue: 4)
}

/// Where a disk is on a link: `e1.0` is slot 0 of shelf 1.
public struct AoEAddress: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The shelf, or major address; 0xffff stands for all.
    public var shelf: UInt16
    /// The slot, or minor address; 0xff stands for all.
    public var slot: UInt8

    /// Names a disk.
    public init(shelf: UInt16, slot: UInt8) {
        self.shelf = shelf
        self.slot = slot
    }

    /// Every disk of the link.
    public static let all = AoEAddress(shelf: 0xffff, slot: 0xff)

    /// Whether it names one disk.
    public var isOne: Bool { shelf != 0xffff && slot != 0xff }

    /// Whether a message to this address is for that disk.
    public func includes(_ disk: AoEAddress) -> Bool {
        (shelf == 0xffff || shelf == disk.shelf) && (slot == 0xff || slot == disk.slot)
    }

    /// The name that Linux gives the disk.
    public var description: String { "e\(shelf).\(slot)" }
}

/// The Ethernet header and what follows it in every message (AoEr11, section 2).
public struct AoEHeader: Hashable, Sendable {
    /// Bytes on the wire.
    public static let size = 24

    /// To whom the frame goes.
    public var destination: MACAddress
    /// Who sends it.
    public var source: MACAddress
    /// Version of the protocol, 0 to 15.
    public var version: UInt8 = AoEProtocol.version
    /// What kind of message it is.
    public var flags: AoEFlags = []
    /// With `.error`, an `AoEFault`.
    public var error: UInt8 = 0
    /// For which disk, or from which.
    public var address: AoEAddress
    /// An `AoECommand`; any number may come.
    public var command: UInt8
    /// The answer has the tag of the question.
    public var tag: UInt32 = 0

    /// Makes a question.
    public init(
        destination: MACAddress, source: MACAddress, address: AoEAddress, command: AoECommand,
        tag: UInt32 = 0
    ) {
        self.destination = destination
        self.source = source
        self.address = address
        self.command = command.rawValue
        self.tag = tag
    }

    /// Reads the beginning of a frame.
    ///
    /// Throws where it is too short or of another Ethernet type.
    public init(decoding frame: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.size, in: frame)
        let type = frame.big16(12)
        guard type == AoEProtocol.etherType else { throw .otherType(type) }
        destination = MACAddress(frame.big48(0))
        source = MACAddress(frame.big48(6))
        version = frame[14] >> 4
        flags = AoEFlags(rawValue: frame[14] & 15)
        error = frame[15]
        address = AoEAddress(shelf: frame.big16(16), slot: frame[18])
        command = frame[19]
        tag = frame.big32(20)
    }

    /// Writes the header to the beginning of `frame`, which has room for `size` bytes.
    public func encode(into frame: UnsafeMutableRawBufferPointer) {
        precondition(frame.count >= Self.size, "room for a header")
        frame.put(big48: destination.number, at: 0)
        frame.put(big48: source.number, at: 6)
        frame.put(big16: AoEProtocol.etherType, at: 12)
        frame[14] = version << 4 | flags.rawValue & 15
        frame[15] = error
        frame.put(big16: address.shelf, at: 16)
        frame[18] = address.slot
        frame[19] = command
        frame.put(big32: tag, at: 20)
    }

    /// The header of the answer that a disk gives to this message.
    public func answer(
        from disk: AoEAddress, at mac: MACAddress, fault: AoEFault? = nil
    ) -> AoEHeader {
        var answer = self
        answer.destination = source
        answer.source = mac
        answer.version = AoEProtocol.version
        answer.flags = fault == nil ? .response : [.response, .error]
        answer.error = fault?.rawValue ?? 0
        answer.address = disk
        return answer
    }

    /// A frame of this header and an argument, padded with zeros to the shortest that Ethernet
    /// carries.
    public func frame(_ argument: some Collection<UInt8> = []) -> [UInt8] {
        let length = max(AoEProtocol.shortestFrame, Self.size + argument.count)
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            encode(into: bytes)
            bytes[Self.size...].copyBytes(from: argument)
            for place in (Self.size + argument.count)..<length { bytes[place] = 0 }
            count = length
        }
    }
}
