import Bytes
import Platform
import SCSIWire

/// Where persistent reservations outlive the process: one small file for each unit.
///
/// Little-endian: eight bytes `CWSCSIPR`, version 1 (UInt32), the type of the reservation (UInt8, 0
/// for none), the holder's place among the registrations (UInt32, all ones for none), the count of
/// registrations (UInt32), and for each its key (UInt64), session (UInt64), portal group (UInt16)
/// and name (UInt32 length, UTF-8).
struct ReservationFile {
    static let magic: [UInt8] = Array("CWSCSIPR".utf8)
    /// Most bytes of the file.
    static let limit = 1 << 18

    let path: String

    /// Reads the file; one that does not exist holds nothing.
    func load() throws(SCSITargetError) -> PersistentReservations {
        let bytes: [UInt8]
        do throws(SystemError) {
            guard Files.exists(path) else { return PersistentReservations() }
            let file = try Files.open(path, .readOnly)
            bytes = try Files.readToEnd(file, limit: ReservationFile.limit)
        } catch {
            throw .reservations("\(path): \(error)")
        }
        do throws(BytesError) {
            return try ReservationFile.decode(bytes)
        } catch {
            throw .reservations("\(path): \(error)")
        }
    }

    /// Writes the file as a whole: it is on the disk, under its name, when this returns.
    func store(_ reservations: PersistentReservations) throws(SCSITargetError) {
        do throws(SystemError) {
            try Files.replaceDurably(path, with: ReservationFile.encode(reservations))
        } catch {
            throw .reservations("\(path): \(error)")
        }
    }

    static func encode(_ reservations: PersistentReservations) -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.writeRaw(magic)
        writer.write(UInt32(1))
        writer.write(reservations.holder?.kind.rawValue ?? 0)
        let place = reservations.registrations.firstIndex {
            $0.name == reservations.holder?.name
        }
        writer.write(place.map { UInt32($0) } ?? .max)
        writer.write(UInt32(reservations.registrations.count))
        for entry in reservations.registrations {
            writer.write(entry.key)
            writer.write(entry.name.session)
            writer.write(entry.name.portalGroup)
            writer.write(entry.name.initiator)
        }
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws(BytesError) -> PersistentReservations {
        var reader = ByteReader(bytes)
        guard Array(try reader.raw(8)) == magic else { throw .invalid(field: "magic", value: 0) }
        let version: UInt32 = try reader.integer()
        guard version == 1 else { throw .invalid(field: "version", value: UInt64(version)) }
        let type: UInt8 = try reader.integer()
        let place: UInt32 = try reader.integer()
        let count: UInt32 = try reader.integer()
        guard count <= PersistentReservations.limit else {
            throw .tooLong(length: Int(count), limit: PersistentReservations.limit)
        }
        var reservations = PersistentReservations()
        reservations.persists = count > 0
        for _ in 0..<count {
            let key: UInt64 = try reader.integer()
            let session: UInt64 = try reader.integer()
            let portalGroup: UInt16 = try reader.integer()
            let name = try reader.text(limit: 256)
            reservations.registrations.append(
                .init(
                    name: SCSINexusName(
                        initiator: name, session: session, portalGroup: portalGroup), key: key))
        }
        try reader.finish()
        guard type != 0 else { return reservations }
        guard let kind = SCSIReservationKind(rawValue: type), count > 0 else {
            throw .invalid(field: "type", value: UInt64(type))
        }
        guard kind.isOfAll || place < count else {
            throw .invalid(field: "holder", value: UInt64(place))
        }
        reservations.holder = .init(
            kind: kind,
            name: kind.isOfAll ? nil : reservations.registrations[Int(place)].name)
        return reservations
    }
}
