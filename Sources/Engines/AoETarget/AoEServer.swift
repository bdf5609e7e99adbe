import AoEWire
import BlockDevice
public import Platform
import Synchronization

/// What a server has done.
public struct AoEServerStatus: Equatable, Sendable {
    /// Bytes sent to clients.
    public var bytesRead: UInt64
    /// Bytes that clients have written.
    public var bytesWritten: UInt64
    /// Requests that there was no room for; clients send them again.
    public var lost: UInt64
}

/// Serves a disk as an ATA over Ethernet target on one packet socket.
///
/// Threads of its own: one receives and answers what memory can answer, one writes, a few read
/// what must be waited for. Memory is bounded and allocated at the start.
public final class AoEServer: Sendable {
    private let core: AoECore

    /// Starts to serve on a socket that `PacketSocket.openAoE` made, and tells the allowed hosts,
    /// or all, that the disk is there.
    ///
    /// Throws where the link or the device is too small, or what was kept cannot be read.
    public init(
        _ configuration: AoETargetConfiguration, socket: OwnedFD
    ) throws(AoETargetError) {
        guard configuration.address.isOne else { throw .address(configuration.address) }
        guard AoELimits.sectors(mtu: configuration.mtu) > 0 else {
            throw .mtu(configuration.mtu)
        }
        guard configuration.device.size >= UInt64(AoEProtocol.sectorSize) else {
            throw .tooSmall(configuration.device.size)
        }
        let link = AoELink(
            mtu: configuration.mtu,
            bufferCount: try Self.buffers(of: socket, mtu: configuration.mtu))
        guard configuration.allowed.count <= link.longestList else {
            throw .tooManyHosts(configuration.allowed.count, limit: link.longestList)
        }
        let kept = try configuration.keptFile.map { AoEKeptFile(path: $0) }?.load() ?? AoEKept()
        let machine = AoEMachine(
            address: configuration.address, mac: configuration.mac,
            allowed: configuration.allowed, link: link, medium: AoEMedium(configuration),
            kept: kept)
        core = AoECore(configuration, socket: socket)
        do throws(SystemError) {
            try PacketSocket.setTimeout(socket.raw, milliseconds: AoELimits.patience)
        } catch { throw .system("\(error)") }
        do throws(AoETargetError) { try start(machine) } catch {
            stop(graceMilliseconds: 1000)
            throw error
        }
    }

    private func start(_ machine: AoEMachine) throws(AoETargetError) {
        let core = core
        try core.start {
            var receiver = AoEReceiver(core, machine)
            receiver.run()
            core.writes.change { $0.isClosed = true }
            core.reads.change { $0.isClosed = true }
        }
        try core.start {
            var writer = AoEWriter(core)
            writer.run()
        }
        for _ in 0..<max(1, min(core.device.properties.parallelism, AoELimits.readers)) {
            try core.start {
                var reader = AoEReader(core)
                reader.work()
            }
        }
    }

    /// Messages that surely wait without being lost: what the kernel keeps for the socket, or what
    /// our queues hold, whichever is less.
    ///
    /// The kernel counts whole allocations: a frame's power of two, and about 768 bytes besides.
    static func buffers(of socket: OwnedFD, mtu: Int) throws(AoETargetError) -> Int {
        let bytes: Int
        do throws(SystemError) { bytes = try PacketSocket.receiveBuffer(socket.raw) } catch {
            throw .system("\(error)")
        }
        var frame = 512
        while frame < mtu + 320 { frame *= 2 }
        return max(1, min(bytes / (frame + 768), AoELimits.waiting))
    }

    /// What the server has done so far.
    public var status: AoEServerStatus {
        AoEServerStatus(
            bytesRead: core.bytesRead.load(ordering: .relaxed),
            bytesWritten: core.bytesWritten.load(ordering: .relaxed),
            lost: core.lost.load(ordering: .relaxed))
    }

    /// How many writes wait.
    var waitingWrites: Int { core.writes.change { $0.jobs.count } }

    /// Ends the server: what has come is done and answered, if the time allows it.
    ///
    /// Nothing that comes later is looked at. Returns when all threads have ended, or the time is
    /// up; only calls that the device had not finished by then may still run. A second call does
    /// nothing.
    public func stop(graceMilliseconds: Int) {
        core.isStopping.store(true, ordering: .relaxed)
        _ = core.threads.wait(milliseconds: Int64(graceMilliseconds)) { $0 == 0 ? true : nil }
    }
}

extension AoEMedium {
    /// The disk of a configuration: its serial number is made from what stays the same.
    init(_ configuration: AoETargetConfiguration) {
        let properties = configuration.device.properties
        identity = ATAIdentity(
            sectors: configuration.device.size / UInt64(AoEProtocol.sectorSize),
            serial: AoESerial.number(configuration.identity), model: "Causeway AoE disk",
            firmware: "1", hasWriteCache: configuration.cache == .writeBack,
            physicalSectorSize: properties.physicalBlockSize)
        isReadOnly = configuration.isReadOnly || !configuration.device.can(.write)
    }
}

/// Serial numbers of disks.
enum AoESerial {
    /// Sixteen digits that follow from a text, and from it alone.
    static func number(_ text: String) -> String {
        // FNV-1a, then SplitMix64's finalizer, which spreads the last bytes over all bits.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        let digits = String(hash ^ (hash >> 31), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
