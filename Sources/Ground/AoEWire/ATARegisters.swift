/// Bits of an ATA message (AoEr11, section 3.1).
public struct ATAFlags: OptionSet, Sendable, Hashable {
    /// One byte.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The address has 48 bits.
    public static let extended = ATAFlags(rawValue: 0x40)
    /// Bit 4 of the device register.
    public static let device = ATAFlags(rawValue: 0x10)
    /// The write may be answered before it is done; a target need not.
    public static let asynchronous = ATAFlags(rawValue: 2)
    /// Data goes to the disk.
    public static let write = ATAFlags(rawValue: 1)
}

/// Bits of the status register (ATA8-ACS, 6.1).
public struct ATAStatus: OptionSet, Sendable, Hashable {
    /// One byte.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The device is ready: always.
    public static let ready = ATAStatus(rawValue: 0x40)
    /// The device has failed.
    public static let fault = ATAStatus(rawValue: 0x20)
    /// The command has failed.
    public static let error = ATAStatus(rawValue: 1)
}

/// Bits of the error register (ATA8-ACS, 6.2).
public struct ATAError: OptionSet, Sendable, Hashable {
    /// One byte.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The data cannot be read.
    public static let uncorrectable = ATAError(rawValue: 0x40)
    /// The medium cannot be written: the same bit, of writing commands (ATA/ATAPI-6, 8.62.6).
    public static let writeProtected = ATAError(rawValue: 0x40)
    /// There is no such sector.
    public static let notFound = ATAError(rawValue: 0x10)
    /// The command is not known, or was not done.
    public static let aborted = ATAError(rawValue: 4)
}

/// The argument of an ATA message: the registers of a disk (AoEr11, section 3.1).
public struct ATARegisters: Hashable, Sendable {
    /// Bytes on the wire; data follows.
    public static let size = 12

    /// What kind of command it is.
    public var flags: ATAFlags
    /// In questions the features, in answers the errors.
    public var feature: UInt8
    /// Number of sectors.
    public var count: UInt8
    /// In questions the command, in answers the status.
    public var command: UInt8
    /// The address, 48 bits.
    public var lba: UInt64

    /// Collects the registers.
    public init(
        command: UInt8, flags: ATAFlags = [], feature: UInt8 = 0, count: UInt8 = 0,
        lba: UInt64 = 0
    ) {
        self.command = command
        self.flags = flags
        self.feature = feature
        self.count = count
        self.lba = lba
    }

    /// Reads what follows the message's header; throws where it is too short.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
        try need(Self.size, in: bytes)
        flags = ATAFlags(rawValue: bytes[0])
        feature = bytes[1]
        count = bytes[2]
        command = bytes[3]
        lba = bytes.little48(4)
    }

    /// Writes the registers to the beginning of `bytes`, which have room for `size`.
    public func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.size, "room for registers")
        bytes[0] = flags.rawValue
        bytes[1] = feature
        bytes[2] = count
        bytes[3] = command
        bytes.put(little48: lba, at: 4)
        bytes.put(big16: 0, at: 10)
    }

    /// The argument's bytes.
    public var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.withUnsafeMutableBytes { encode(into: $0) }
        return bytes
    }

    /// The registers after success; `count` is what the command leaves there.
    public func done(count: UInt8 = 0) -> ATARegisters {
        var answer = self
        answer.feature = 0
        answer.count = count
        answer.command = ATAStatus.ready.rawValue
        return answer
    }

    /// The registers after a failure.
    public func failed(_ error: ATAError, status: ATAStatus = []) -> ATARegisters {
        var answer = self
        answer.feature = error.rawValue
        answer.command = status.union([.ready, .error]).rawValue
        return answer
    }
}
