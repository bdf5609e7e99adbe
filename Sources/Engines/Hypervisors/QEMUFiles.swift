import Platform

/// Where a distribution puts QEMU's program, modules and firmware.
struct QEMUFiles: Sendable {
    static let programName = "qemu-system-x86_64"
    private static let programs = ["/usr/bin/\(programName)", "/usr/local/bin/\(programName)"]
    private static let moduleFolders = [
        "/usr/lib/x86_64-linux-gnu/qemu", "/usr/lib64/qemu", "/usr/lib/qemu",
    ]
    private static let firmwareFolders = [
        "/usr/share/qemu", "/usr/share/seabios", "/usr/share/qemu-firmware",
    ]
    /// What a direct boot reads: the BIOS, and the loaders of bare and packed kernels.
    private static let neededFirmware = ["bios-256k.bin", "pvh.bin", "linuxboot_dma.bin"]
    private static let wantedFirmware = ["kvmvapic.bin"]

    /// The program; nil where it is not installed.
    let program: String?
    /// Modules that it loads for the translator.
    let modules: [String]
    /// Firmware by name.
    let firmware: [(name: String, path: String)]
    /// The first file of firmware that is needed and not there.
    let missingFirmware: String?

    /// Looks for everything.
    ///
    /// Takes less than a millisecond.
    init() {
        program = Self.programs.first(where: Files.isExecutable)
        modules = Self.moduleFolders.map { "\($0)/accel-tcg-x86_64.so" }.filter(Files.isReadable)
        var firmware: [(name: String, path: String)] = []
        var missing: String?
        for name in Self.neededFirmware + Self.wantedFirmware {
            let paths = Self.firmwareFolders.map { "\($0)/\(name)" }
            if let path = paths.first(where: Files.isReadable) {
                firmware.append((name, path))
            } else if Self.neededFirmware.contains(name) {
                missing = missing ?? name
            }
        }
        self.firmware = firmware
        missingFirmware = missing
    }
}
