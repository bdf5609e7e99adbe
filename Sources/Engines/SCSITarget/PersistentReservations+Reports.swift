import SCSIWire

extension PersistentReservations {
    private func header(_ length: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: generation)
        bytes.append(big: UInt32(length))
        return bytes
    }

    /// READ KEYS.
    var keysReport: [UInt8] {
        var bytes = header(registrations.count * 8)
        for entry in registrations { bytes.append(big: entry.key) }
        return bytes
    }

    /// READ RESERVATION.
    var reservationReport: [UInt8] {
        guard let holder else { return header(0) }
        var bytes = header(16)
        bytes.append(big: holder.name.flatMap { key(of: $0) } ?? 0)
        bytes.append(big: UInt32(0))
        bytes += [0, holder.kind.rawValue, 0, 0]
        return bytes
    }

    /// REPORT CAPABILITIES: initiators may be named (SIP_C), all ports mean the one there is
    /// (ATP_C), the types are told, and some are kept (PTPL_C).
    func capabilities(canPersist: Bool) -> [UInt8] {
        [
            0, 8, 0x0C | (canPersist ? 0x01 : 0), 0x80 | (persists ? 0x01 : 0),
            // Bits of the types: all six.
            0xEA, 0x01, 0, 0,
        ]
    }

    /// READ FULL STATUS.
    func fullReport(port: UInt16) -> [UInt8] {
        var descriptors: [UInt8] = []
        for entry in registrations {
            let name = SCSITransportID(
                name: entry.name.initiator, session: entry.name.session
            ).encoded
            descriptors.append(big: entry.key)
            descriptors.append(big: UInt32(0))
            let holds = holds(entry.name)
            descriptors += [holds ? 0x01 : 0, holds ? holder?.kind.rawValue ?? 0 : 0]
            descriptors.append(big: UInt32(0))
            descriptors.append(big: port)
            descriptors.append(big: UInt32(name.count))
            descriptors += name
        }
        return header(descriptors.count) + descriptors
    }
}
