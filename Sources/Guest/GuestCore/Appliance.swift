import Glibc
import GuestWire
import Platform

/// The machine around process 1: its pseudo file systems, its modules, its end of the link.
enum Appliance {
    /// Most modules loaded; the list comes with the appliance, so this only stops a broken one.
    private static let moduleLimit = 256

    /// Mounts what the kernel needs to be seen.
    ///
    /// What is mounted already stays.
    ///
    /// /proc is there: it was mounted before the first line of Swift ran.
    static func mountPseudoFileSystems() throws(SystemError) {
        try mount("devtmpfs", at: "/dev", flags: [.noSetUser])
        // What the kernel says of devices and lets be set: read-ahead, discard.
        try mount("sysfs", at: "/sys", flags: [])
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

    /// Loads the modules without which nothing can be mounted, in the appliance's order.
    ///
    /// See `docs/formats/appliance.md`. A kernel that has everything built in has no lists.
    static func loadModules() {
        if !loadModules(listedIn: "/modules.boot") { _ = loadModules(listedIn: "/modules.list") }
    }

    /// Loads what a file system needs besides; nothing where its type is no plain name.
    static func loadModules(forFileSystem type: String) {
        let isPlain = type.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
        }
        if isPlain && !type.isEmpty { _ = loadModules(listedIn: "/modules.d/\(type)") }
    }

    /// Loads the modules that a file names, one path a line; false where there is no such file.
    private static func loadModules(listedIn path: String) -> Bool {
        guard let list = try? Files.readText(path, limit: 1 << 16) else { return false }
        for line in list.split(separator: "\n").prefix(moduleLimit) {
            do {
                try Kernel.loadModule(String(line))
            } catch  where error.errno == ENODEV {
                // Made for hardware that this machine does not have.
            } catch {
                KernelMessages.note("\(error)")
            }
        }
        return true
    }

    /// Brings up the loopback (the kernel's own RPC needs it) and the link.
    static func bringUpLink(_ commandLine: KernelCommandLine) throws(SystemError) {
        try PrivateNetwork.bringUp("lo")
        let name = try waitForEthernet()
        let mtu = commandLine.mtu ?? (name.hasPrefix("vec") ? 65_000 : 0)
        do {
            try bringUp(name, mtu: mtu)
        } catch {
            // A device that does not permit this MTU keeps its own.
            KernelMessages.note("\(error); keeping the device's MTU")
            try bringUp(name, mtu: 0)
        }
        if let hardware = commandLine.hostHardware {
            try PrivateNetwork.addNeighbour(name, address: PrivateLink.host, hardware: hardware)
        }
    }

    private static func bringUp(_ name: String, mtu: Int32) throws(SystemError) {
        try PrivateNetwork.bringUp(
            name, address: PrivateLink.guest, prefix: PrivateLink.prefix, mtu: mtu)
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
