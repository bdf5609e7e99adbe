import AoETarget
import BlockDevice
import BlockDevices
import BlockFilters
import ISCSITarget
import NBDServer
import NIOCore
import NIOPosix
import Platform
import SCSITarget

/// The servers of one plan, and the device behind them.
///
/// One thread at a time; the servers have threads of their own.
final class TargetServers {
    private let device: any BlockDevice
    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool
    private var nbd: NBDServer?
    private var iscsi: ISCSIServer?
    private var aoe: AoEServer?
    /// The device as SCSI initiators see it, whichever server they come through.
    private var scsi: SCSITarget?
    private var attachment: TargetAttachment?
    private let memory: TargetMemory
    private var growth: RepeatedTask?

    /// How often a source is looked at whether it has grown.
    private static let growthPeriod = TimeAmount.seconds(1)

    /// Opens the device and serves it on every listener.
    init(_ plan: TargetPlan) throws {
        let store = try TargetStore.open(plan)
        device = store.device
        memory = TargetMemory(plan)
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(2, System.coreCount))
        pool = NIOThreadPool(numberOfThreads: max(4, min(device.properties.parallelism, 16)))
        pool.start()
        try startNBD(plan)
        try startISCSI(plan)
        try startAoE(plan)
        if let door = plan.attachment {
            attachment = try TargetAttachment(
                door, plan: plan, device: device, group: group, pool: pool, memory: memory
            ) { try makeSCSI(plan) }
        }
        if let file = store.file { watch(file) }
    }

    /// Has clients told when a source has grown; one that was cut is not taken for smaller.
    private func watch(_ file: FileDevice) {
        let period = Self.growthPeriod
        growth = group.next().scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            try? file.noteGrowth()
        }
    }

    private static func sockets(
        _ plan: TargetPlan, _ wanted: ExportProtocol
    ) throws(SystemError) -> [OwnedFD] {
        try plan.listeners.filter { $0.protocol == wanted }.map { listener throws(SystemError) in
            switch listener.place {
            case .descriptor(let raw): OwnedFD(taking: raw)
            case .address(let host, let port): try TCPListener.listen(host: host, port: port)
            }
        }
    }

    private func startNBD(_ plan: TargetPlan) throws {
        let sockets = try Self.sockets(plan, .nbd)
        guard !sockets.isEmpty else { return }
        var configuration = NBDServerConfiguration(
            exports: [NBDExport(name: plan.name, device: device, isReadOnly: plan.readOnly)],
            security: try Self.security(plan.access))
        configuration.isRelayed = plan.relayedPortals != nil
        memory.apply(to: &configuration)
        let server = try NBDServer(configuration: configuration, group: group, pool: pool)
        try server.start(on: sockets.map { .socket($0) })
        nbd = server
    }

    private static func security(_ access: ExportAccess) throws -> NBDSecurity {
        guard let tls = access.tls else { return .off }
        if let keys = tls.sharedKeys {
            return NBDSecurity(
                mode: .require,
                credentials: .preSharedKeys(try NBDKeyFile.keys(in: Array(keys.utf8))))
        }
        guard let chain = tls.certificate, let key = tls.key else {
            throw TargetError(
                cause: "TLS: a certificate needs its key",
                remedy: "Give --tls-certificate and --tls-key, or --tls-psk.")
        }
        return NBDSecurity(
            mode: .require,
            credentials: .certificate(
                chain: Array(chain.utf8), key: Array(key.utf8),
                clientAuthorities: tls.clientAuthority.map { Array($0.utf8) }))
    }

    private func startISCSI(_ plan: TargetPlan) throws {
        let sockets = try Self.sockets(plan, .iscsi)
        guard !sockets.isEmpty else { return }
        let target = try makeSCSI(plan)
        let mutual = plan.access.own.map {
            ISCSICredential.Proof(user: $0.user, secret: Array($0.secret.utf8))
        }
        let credentials = plan.access.credentials.map {
            ISCSICredential(user: $0.user, secret: Array($0.secret.utf8), mutual: mutual)
        }
        var configuration = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(
                name: plan.iscsiName, alias: plan.name, device: target, credentials: credentials,
                allowed: ISCSIAllowList(names: Set(plan.access.initiators)))
        ])
        configuration.discoveryCredentials = credentials
        if let portals = plan.relayedPortals { configuration.reach = .relayed(portals: portals) }
        memory.apply(to: &configuration)
        let server = ISCSIServer(configuration: configuration, group: group, pool: pool)
        try server.start(on: sockets.map { .descriptor($0) })
        iscsi = server
    }

    private func startAoE(_ plan: TargetPlan) throws {
        guard let link = plan.link, let socket = try Self.sockets(plan, .aoe).first else { return }
        var configuration = AoETargetConfiguration(
            device: device, address: link.address, mac: link.mac, mtu: link.mtu,
            identity: plan.identity)
        configuration.interface = link.interface
        configuration.allowed = plan.access.hosts
        configuration.isReadOnly = plan.readOnly
        configuration.cache = link.writeBack ? .writeBack : .writeThrough
        configuration.keptFile = link.keptFile
        do throws(AoETargetError) {
            aoe = try AoEServer(configuration, socket: socket)
        } catch { throw TargetError(cause: error.cause, remedy: error.remedy) }
    }

    /// The device as a SCSI target; one for all, so that reservations hold between them.
    private func makeSCSI(_ plan: TargetPlan) throws -> SCSITarget {
        if let scsi { return scsi }
        let pool = pool
        let target = SCSITarget(name: plan.iscsiName) { work in pool.submit { _ in work() } }
        var unit = SCSIUnitConfiguration(device: device, identity: plan.identity)
        unit.isReadOnly = plan.readOnly
        unit.reservationFile = plan.reservations
        try target.add(unit, lun: 0)
        scsi = target
        return target
    }

    /// What clients have done.
    var figures: TargetFigures {
        var figures = TargetFigures()
        if let status = nbd?.status {
            figures.add(read: status.bytesRead, written: status.bytesWritten)
        }
        if let status = iscsi?.status {
            figures.add(read: status.bytesRead, written: status.bytesWritten)
        }
        if let status = aoe?.status {
            figures.add(read: status.bytesRead, written: status.bytesWritten)
        }
        attachment?.add(to: &figures)
        return figures
    }

    /// Lets clients finish, then flushes; what failed, or nil.
    func stop(milliseconds: Int64) -> String? {
        growth?.cancel()
        nbd?.stop(graceMilliseconds: Int(milliseconds))
        iscsi?.stop(graceMilliseconds: Int(milliseconds))
        aoe?.stop(graceMilliseconds: Int(milliseconds))
        attachment?.stop(milliseconds: milliseconds)
        guard device.can(.write) else { return nil }
        do {
            try device.flush()
        } catch { return error.cause }
        do {
            try (device as? RecordingDevice)?.syncLog()
            return nil
        } catch { return "the record is not complete: \(SystemError.words(error.errno))" }
    }
}
