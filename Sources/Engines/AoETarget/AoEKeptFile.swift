import AoEWire
import Bytes
import Platform

/// Where what clients have stored outlives the process.
///
/// Little-endian: eight bytes `CWAOEKPT`, version 1 (UInt32), the configuration string (UInt32
/// length, bytes), the count of hosts (UInt32), and for each its address (UInt64).
struct AoEKeptFile: Sendable {
    static let magic: [UInt8] = Array("CWAOEKPT".utf8)
    /// Most bytes of the file.
    static let limit = 1 << 14

    let path: String

    /// Reads the file; one that does not exist holds nothing.
    func load() throws(AoETargetError) -> AoEKept {
        do throws(SystemError) {
            guard Files.exists(path) else { return AoEKept() }
            return try decode(try Files.read(path, limit: Self.limit))
        } catch { throw .kept("\(error)") }
    }

    private func decode(_ bytes: [UInt8]) throws(SystemError) -> AoEKept {
        do throws(BytesError) { return try Self.decode(bytes) } catch {
            throw SystemError(errno: 22, call: "\(path) is damaged (\(error))")
        }
    }

    /// Writes the file as a whole: it is on the disk, under its name, when this returns.
    func store(_ kept: AoEKept) throws(AoETargetError) {
        do throws(SystemError) {
            try Files.replaceDurably(path, with: Self.encode(kept))
        } catch { throw .kept("\(error)") }
    }

    static func encode(_ kept: AoEKept) -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        writer.writeRaw(magic)
        writer.write(UInt32(1))
        writer.write(kept.text)
        writer.write(UInt32(kept.hosts.count))
        for host in kept.hosts { writer.write(host.number) }
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws(BytesError) -> AoEKept {
        var reader = ByteReader(bytes)
        guard Array(try reader.raw(8)) == magic else { throw .invalid(field: "magic", value: 0) }
        let version: UInt32 = try reader.integer()
        guard version == 1 else { throw .invalid(field: "version", value: UInt64(version)) }
        var kept = AoEKept(text: try reader.blob(limit: AoEProtocol.configLimit))
        let count = Int(try reader.integer(as: UInt32.self))
        guard count <= AoEProtocol.listLimit else {
            throw .tooLong(length: count, limit: AoEProtocol.listLimit)
        }
        for _ in 0..<count { kept.hosts.append(MACAddress(try reader.integer(as: UInt64.self))) }
        try reader.finish()
        return kept
    }
}
