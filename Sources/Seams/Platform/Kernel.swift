import CPlatform
import Glibc

/// The kernel itself, as process 1 of the appliance governs it.
public enum Kernel {
    /// `uname -r`.
    public static func release() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Loads a kernel module from a file; one that is loaded already is no error.
    ///
    /// Blocks.
    public static func loadModule(_ path: String) throws(SystemError) {
        let file = try Files.open(path, .readOnly)
        let result = cp_load_module(file.raw)
        if result != -EEXIST { try checked(result, "load module \(path)") }
    }

    /// The tail of the kernel's log, at most `limit` bytes.
    public static func log(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes = [CChar](repeating: 0, count: limit)
        let got = try checked(cp_kernel_log(&bytes, limit), "read the kernel's log")
        return bytes[..<got].map { UInt8(bitPattern: $0) }
    }

    /// Switches the machine off; nothing is written before.
    ///
    /// Returns only on failure.
    public static func powerOff() throws(SystemError) {
        try checked(cp_power_off(), "power off")
    }

    /// The first Ethernet interface that is not the loopback; ENODEV where there is none.
    public static func firstEthernet() throws(SystemError) -> String {
        var name = [CChar](repeating: 0, count: 16)
        try checked(cp_first_ethernet(&name), "look for an Ethernet interface")
        return String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
