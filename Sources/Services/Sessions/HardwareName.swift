import Platform

/// What tells one disk from another of the same name, where the kernel knows it.
enum HardwareName {
    /// Attributes of a block device in sysfs that stay the same as long as it is the same disk
    /// (Documentation/ABI/stable/sysfs-block), the best one first.
    private static let attributes = [
        "wwid", "device/wwid", "device/serial", "serial", "dm/uuid", "loop/backing_file",
    ]

    /// The name of a device, or of the disk that it is a partition of.
    ///
    /// - Parameter device: as the kernel's tables name it, `major:minor`.
    static func of(device: String) -> String? {
        let folder = "/sys/dev/block/\(device)"
        let partition = text("\(folder)/partition")
        let disk = partition == nil ? folder : "\(folder)/.."
        for attribute in attributes {
            guard let name = text("\(disk)/\(attribute)") else { continue }
            return name + (partition.map { " partition \($0)" } ?? "")
        }
        return nil
    }

    private static func text(_ path: String) -> String? {
        guard let line = try? Files.readText(path, limit: 4096).split(separator: "\n").first else {
            return nil
        }
        let words = line.split(separator: " ").joined(separator: " ")
        return words.isEmpty ? nil : words
    }
}
