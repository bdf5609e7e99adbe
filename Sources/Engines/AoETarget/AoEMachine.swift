import AoEWire

/// The disk as messages see it now.
struct AoEMedium: Equatable, Sendable {
    /// What IDENTIFY DEVICE tells; its `sectors` may change.
    var identity: ATAIdentity
    /// Whether nothing may be written.
    var isReadOnly: Bool
}

/// What the link and the server can take now.
struct AoELink: Equatable, Sendable {
    /// Bytes of the longest packet, without the Ethernet header.
    var mtu: Int
    /// Messages that may wait.
    var bufferCount: Int

    /// Sectors that one frame may carry.
    var sectors: Int { AoELimits.sectors(mtu: mtu) }

    /// Bytes of the longest configuration string that fits an answer.
    var longestText: Int {
        let head =
            AoEHeader.size + AoEConfig.headerSize - AoEProtocol.ethernetHeaderSize
        return max(0, min(AoEProtocol.configLimit, mtu - head))
    }

    /// Most hosts that an answer can name, of directives or addresses alike.
    var longestList: Int {
        let head =
            AoEHeader.size + AoEMaskList.headerSize - AoEProtocol.ethernetHeaderSize
        return max(0, min(AoEProtocol.listLimit, (mtu - head) / AoEMaskList.directiveSize))
    }
}

/// Work for the device, from a message that has been checked: the range is on the disk, and the
/// data of a write is all there.
struct AoERequest: Hashable, Sendable {
    /// What is done.
    enum Work: Hashable, Sendable {
        case read
        case write(isForced: Bool)
        case verify
        case flush
    }

    var header: AoEHeader
    var registers: ATARegisters
    var work: Work
    /// The first sector.
    var lba: UInt64 = 0
    /// How many; none for flushes.
    var sectors = 0

    /// The first byte on the device.
    var offset: UInt64 { lba * UInt64(AoEProtocol.sectorSize) }
    /// How many bytes.
    var length: Int { sectors * AoEProtocol.sectorSize }

    /// Whether a request's range begins where this one's ends, and both are done alike.
    func isFollowed(by next: AoERequest) -> Bool {
        work == next.work && lba + UInt64(sectors) == next.lba
    }
}

/// What is to be done with a message.
enum AoEAction: Equatable, Sendable {
    /// Nothing: it is not for us, or not to be answered.
    case drop
    /// This frame is the answer.
    case reply([UInt8])
    /// This is to be kept, and then the frame is the answer.
    case keep(AoEKept, reply: [UInt8])
    /// The device has work.
    case device(AoERequest)
}

/// A target's rules: messages in, answers and work out (AoEr11).
///
/// A pure value. Every message stands for itself, as the protocol has it: one that comes twice is
/// done twice, to the same end.
struct AoEMachine: Sendable {
    let address: AoEAddress
    let mac: MACAddress
    /// The hosts that the owner allows; none: all.
    let allowed: Set<MACAddress>
    var link: AoELink
    var medium: AoEMedium
    var kept: AoEKept
    /// The hosts that clients have said are listened to; none: all that are allowed.
    private(set) var masks: [MACAddress]
    /// Those that are listened to now; nil for everybody.
    private var heard: Set<MACAddress>?

    /// The version of our program that clients see.
    static let firmware: UInt16 = 0x0100

    init(
        address: AoEAddress, mac: MACAddress, allowed: [MACAddress], link: AoELink,
        medium: AoEMedium, kept: AoEKept = AoEKept()
    ) {
        self.address = address
        self.mac = mac
        self.allowed = Set(allowed)
        self.link = link
        self.medium = medium
        self.kept = kept
        masks = allowed
        heard = allowed.isEmpty ? nil : Set(allowed)
    }

    /// Takes a frame.
    mutating func receive(_ frame: UnsafeRawBufferPointer) -> AoEAction {
        guard let header = try? AoEHeader(decoding: frame), !header.flags.contains(.response),
            header.address.includes(address), !header.source.isGroup,
            heard?.contains(header.source) != false
        else { return .drop }
        guard header.version == AoEProtocol.version else {
            return refuse(header, .unknownVersion)
        }
        let argument = UnsafeRawBufferPointer(rebasing: frame[AoEHeader.size...])
        switch AoECommand(rawValue: header.command) {
        case .ata: return ata(header, argument)
        case .config: return config(header, argument)
        case .maskList: return maskList(header, argument)
        case .reserve: return reserve(header, argument)
        case nil: return refuse(header, .unknownCommand)
        }
    }

    func refuse(_ header: AoEHeader, _ fault: AoEFault) -> AoEAction {
        .reply(header.answer(from: address, at: mac, fault: fault).frame())
    }

    func answer(_ header: AoEHeader, _ argument: [UInt8], fault: AoEFault? = nil) -> [UInt8] {
        header.answer(from: address, at: mac, fault: fault).frame(argument)
    }

    private mutating func maskList(
        _ header: AoEHeader, _ argument: UnsafeRawBufferPointer
    ) -> AoEAction {
        guard let question = try? AoEMaskList(decoding: argument),
            let operation = AoEMaskOperation(rawValue: question.operation)
        else { return refuse(header, .badArgument) }
        var answer = AoEMaskList(operation)
        if operation == .edit {
            for (place, directive) in question.directives.enumerated() {
                guard let fault = follow(directive) else { continue }
                answer.fault = fault.rawValue
                answer.count = UInt8(clamping: place)
                return .reply(self.answer(header, answer.encoded))
            }
        }
        answer = AoEMaskList(operation, masks.map { .init(command: 0, mac: $0) })
        return .reply(self.answer(header, answer.encoded))
    }

    /// Follows a directive; those before one that has a fault stay followed.
    private mutating func follow(_ directive: AoEMaskList.Directive) -> AoEMaskFault? {
        switch directive.command {
        case AoEMaskList.Directive.nothing: return nil
        case AoEMaskList.Directive.add:
            if masks.contains(directive.mac) { return nil }
            // What the owner does not allow, no client can.
            let isAllowed = allowed.isEmpty || allowed.contains(directive.mac)
            guard isAllowed, !directive.mac.isGroup else { return .unspecified }
            guard masks.count < link.longestList else { return .full }
            masks.append(directive.mac)
        case AoEMaskList.Directive.delete:
            masks.removeAll { $0 == directive.mac }
        default: return .badDirective
        }
        heard = masks.isEmpty ? (allowed.isEmpty ? nil : allowed) : Set(masks)
        return nil
    }

    private mutating func reserve(
        _ header: AoEHeader, _ argument: UnsafeRawBufferPointer
    ) -> AoEAction {
        guard let question = try? AoEReserveList(decoding: argument),
            let operation = AoEReserveOperation(rawValue: question.operation),
            question.hosts.count <= link.longestList
        else { return refuse(header, .badArgument) }
        if operation == .set, !mayUse(header.source) {
            let answer = AoEReserveList(operation, kept.hosts)
            return .reply(self.answer(header, answer.encoded, fault: .reserved))
        }
        guard operation != .read else {
            return .reply(answer(header, AoEReserveList(operation, kept.hosts).encoded))
        }
        kept.hosts = question.hosts
        return .keep(kept, reply: answer(header, AoEReserveList(operation, kept.hosts).encoded))
    }

    /// Whether a host is among those that have reserved the disk, or nobody has.
    func mayUse(_ host: MACAddress) -> Bool {
        kept.hosts.isEmpty || kept.hosts.contains(host)
    }
}
