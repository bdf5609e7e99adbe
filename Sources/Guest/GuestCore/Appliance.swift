import Glibc
import Platform

/// The machine around process 1: its pseudo file systems, its modules, its end of the link.
enum Appliance {
    /// Addresses of the link, in host byte order: 10.77.0.1/30 and 10.77.0.2/30.
    static let hostAddress: UInt32 = 0x0a4d_0001
    static let guestAddress: UInt32 = 0x0a4d_0002
    static let prefix: Int32 = 30

    /// Most modules loaded; the list comes with the appliance, so this only stops a broken one.
    private static let moduleLimit = 256

    /// Mounts what the kernel needs to be seen.
    ///
    /// What is mounted already stays.
    ///
    /// /proc is there: it was mounted before the first line of Swift ran.
    static func mountPseudoFileSystems() throws(SystemError) {
        try mount("devtmpfs", at: "/dev", flags: [.noSetUser])
        try mount("nfsd", at: "/proc/fs/nfsd", flags: [])
    }

    private static func mount(
        _ type: String, at target: String, flags: MountFlags
    ) throws(SystemError) {
        do {
            try Mounts.attach(type, at: target, type: type, flags: flags)
        } catch  where error.errno == EBUSY {
        } catch  where error.errno == ENOENT {
            try Files.makeDirectories(target, mode: 0o755)
            try Mounts.attach(type, at: target, type: type, flags: flags)
        }
    }

    /// Loads the modules that `/modules.list` names, one path a line, in order; none is no error.
    static func loadModules() {
        guard let list = try? Files.readText("/modules.list", limit: 1 << 16) else { return }
        for line in list.split(separator: "\n").prefix(moduleLimit) {
            do { try Kernel.loadModule(String(line)) } catch { KernelMessages.note("\(error)") }
        }
    }

    /// Brings up the loopback (the kernel's own RPC needs it) and the link.
    static func bringUpLink(_ commandLine: KernelCommandLine) throws(SystemError) {
        try PrivateNetwork.bringUp("lo")
        let name = try waitForEthernet()
        let mtu = commandLine.mtu ?? (name.hasPrefix("vec") ? 65_000 : 0)
        do {
            try PrivateNetwork.bringUp(name, address: guestAddress, prefix: prefix, mtu: mtu)
        } catch {
            // A device that does not permit this MTU keeps its own.
            KernelMessages.note("\(error); keeping the device's MTU")
            try PrivateNetwork.bringUp(name, address: guestAddress, prefix: prefix, mtu: 0)
        }
        if let hardware = commandLine.hostHardware {
            try PrivateNetwork.addNeighbour(name, address: hostAddress, hardware: hardware)
        }
    }

    private static func waitForEthernet() throws(SystemError) -> String {
        let deadline = Clock.milliseconds() + 5_000
        while true {
            do { return try Kernel.firstEthernet() } catch {
                guard Clock.milliseconds() < deadline else { throw error }
            }
            Clock.sleep(milliseconds: 5)
        }
    }
}
