import AoEWire
import AoETarget
import Platform
import Targets

/// Opens the packet socket of an ATA over Ethernet target, and says what is missing where that
/// cannot be.
enum LinkListener {
    /// Bytes of the socket's buffers that are asked for: 128 frames of 9,000 bytes, as the kernel
    /// counts them, twice.
    private static let buffer: Int32 = 4 << 20
    /// ENODEV, EPERM, EACCES.
    private static let (none, notAllowed, denied): (Int32, Int32, Int32) = (19, 1, 13)

    /// How long another target has to say that the place is its own, in milliseconds: a busy one
    /// may need a while.
    private static let patience: Int64 = 1500
    /// How often it is asked, in milliseconds: a question or an answer may be lost.
    private static let pause: Int64 = 250

    /// Opens it on an interface, for one disk.
    ///
    /// Refuses a place that another export of this user has (`taken` are their URLs), or where
    /// somebody on the link answers: clients would take the two for one disk.
    static func open(
        _ name: String, _ disk: AoEAddress, taken: [String]
    ) throws(SessionError) -> ExportListeners.Listener {
        let interface = try find(name)
        guard !taken.contains("aoe:\(disk)@\(name)") else {
            throw busy(disk, name, "another export of yours")
        }
        let socket: OwnedFD
        let other: MACAddress?
        do throws(SystemError) {
            socket = try PacketSocket.openAoE(
                on: interface, shelf: disk.shelf, slot: disk.slot, buffer: buffer)
            other = try holder(of: disk, on: interface)
        } catch { throw refused(name, error) }
        if let other { throw busy(disk, name, "the host \(other)") }
        return ExportListeners.Listener(
            socket: socket, protocol: .aoe, address: .link(interface: name, disk),
            interface: interface)
    }

    /// What the target process is told of a listener; nil for one that is no link.
    static func plan(
        _ listener: ExportListeners.Listener, answersEarly: Bool
    ) -> TargetPlan.Link? {
        guard case .link(_, let disk) = listener.address, let interface = listener.interface,
            let mac = MACAddress(bytes: interface.hardware)
        else { return nil }
        return TargetPlan.Link(
            address: disk, mac: mac, interface: interface.index, mtu: interface.mtu,
            writeBack: answersEarly, keptFile: "/state/aoe")
    }

    /// Finds an interface that frames can go over.
    private static func find(_ name: String) throws(SessionError) -> NetworkInterface {
        let interface: NetworkInterface
        do throws(SystemError) { interface = try NetworkInterface.named(name) } catch {
            guard error.errno == none else { throw refused(name, error) }
            throw SessionError(
                .target, "there is no network interface \(name)",
                remedy: "`ip -brief link` shows the interfaces of this host.",
                exit: .environment)
        }
        guard interface.isEthernet else {
            throw SessionError(
                .target, "\(name) is no Ethernet interface, and AoE goes over Ethernet alone",
                remedy: "Choose another interface, or export by --iscsi or --nbd.",
                exit: .notSupported)
        }
        guard interface.isUp else {
            throw SessionError(
                .target, "the network interface \(name) is down",
                remedy: "Bring it up: ip link set dev \(name) up.", exit: .environment)
        }
        guard interface.mtu >= AoELimits.smallestMTU else {
            let error = AoETargetError.mtu(interface.mtu)
            throw SessionError(
                .target, error.cause, remedy: "Raise it: ip link set dev \(name) mtu 1500.",
                exit: .environment)
        }
        return interface
    }

    /// Who answers for a disk; nil where nobody does, or nobody who listens to this host.
    private static func holder(
        of disk: AoEAddress, on interface: NetworkInterface
    ) throws(SystemError) -> MACAddress? {
        guard let mac = MACAddress(bytes: interface.hardware) else { return nil }
        let socket = try PacketSocket.openAoE(
            on: interface, shelf: disk.shelf, slot: disk.slot, buffer: 1 << 16, answers: true)
        let question = AoEHeader(
            destination: .broadcast, source: mac, address: disk, command: .config)
        let frame = question.frame(AoEConfig(.read).encoded)
        let start = Clock.milliseconds()
        var (now, next) = (start, start)
        while now < start + patience {
            if now >= next {
                try Files.writeAll(frame, to: socket.raw)
                next = now + pause
            }
            let left = min(next, start + patience) - now
            if try Descriptors.waitReadable(socket.raw, milliseconds: Int32(clamping: left)) {
                let answer = try Descriptors.readSome(socket.raw, limit: 1 << 16)
                // What cannot be understood claims nothing.
                let header = answer.withUnsafeBytes { try? AoEHeader(decoding: $0) }
                if let header { return header.source }
            }
            now = Clock.milliseconds()
        }
        return nil
    }

    private static func busy(
        _ disk: AoEAddress, _ name: String, _ who: String
    ) -> SessionError {
        SessionError(
            .target,
            "\(who) serves \(disk) on \(name) already, and clients would mix the two disks",
            remedy: "Choose another place with --slot or --shelf.", exit: .busy)
    }

    private static func refused(_ name: String, _ error: SystemError) -> SessionError {
        guard error.errno == notAllowed || error.errno == denied else {
            return SessionError(
                .target, "cannot listen on \(name): \(SystemError.words(error.errno))",
                remedy: "`ip -brief link` shows the interface's state.", exit: .environment)
        }
        return SessionError(
            .target,
            "cannot listen on \(name): raw Ethernet needs the capability CAP_NET_RAW",
            remedy: "Run this command as root, or in a network namespace of your own "
                + "(`unshare -Urn`, with an interface moved or made there).",
            exit: .environment)
    }
}
