import LocalDisk
import Platform

/// Who uses a block device or one of its partitions.
///
/// Reads the kernel's tables and /proc, never the device; sees the processes that this user may
/// look into.
enum DeviceUsers {
    /// The most users that are told.
    private static let limit = 32

    /// Mounts, swap, devices above, loop devices and processes, in words.
    static func find(_ device: DeviceNode, besides own: Int32) -> [String] {
        let parts = device.parts
        let paths = Set(parts.map(\.path))
        var users = mounts(of: Set(parts.map(\.number)), paths)
        users += swaps(paths)
        for part in parts { users += holders(of: part.path, below: device) }
        users += loops(paths)
        users += processes(paths, besides: own)
        return Array(users.prefix(limit))
    }

    /// Mounts by the device's number or, where the file system has one of its own (Btrfs), by its
    /// path.
    static func mounts(
        of numbers: Set<String>, _ paths: Set<String>, in table: String? = nil
    ) -> [String] {
        let text = table ?? (try? Files.readText("/proc/self/mountinfo")) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " ", omittingEmptySubsequences: true)
            guard halves.count > 4, let dash = halves.firstIndex(of: "-") else { return nil }
            let source = halves.count > dash + 2 ? MountTable.unescape(halves[dash + 2]) : ""
            guard numbers.contains(String(halves[2])) || paths.contains(source) else { return nil }
            return "mounted on \(MountTable.unescape(halves[4]))"
        }
    }

    private static func swaps(_ paths: Set<String>) -> [String] {
        let text = (try? Files.readText("/proc/swaps")) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let path = line.prefix { $0 != " " && $0 != "\t" }
            return paths.contains(String(path)) ? "swap on \(path)" : nil
        }
    }

    private static func holders(of path: String, below device: DeviceNode) -> [String] {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let folder =
            name == device.name ? "/sys/block/\(name)" : "/sys/block/\(device.name)/\(name)"
        return ((try? Files.list("\(folder)/holders")) ?? []).map { "/dev/\($0) stands on \(path)" }
    }

    private static func loops(_ paths: Set<String>) -> [String] {
        let names = ((try? Files.list("/sys/block")) ?? []).filter { $0.hasPrefix("loop") }
        return names.compactMap { name in
            let file = (try? Files.readText("/sys/block/\(name)/loop/backing_file")) ?? ""
            let path = String(file.prefix { $0 != "\n" })
            return paths.contains(path) ? "/dev/\(name) stands on \(path)" : nil
        }
    }

    private static func processes(_ paths: Set<String>, besides own: Int32) -> [String] {
        let all = ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) }.sorted()
        return all.filter { $0 != own }.compactMap { process in
            for descriptor in (try? Files.list("/proc/\(process)/fd")) ?? [] {
                guard let path = try? Files.readLink("/proc/\(process)/fd/\(descriptor)"),
                    paths.contains(path)
                else { continue }
                let name = (try? Files.readText("/proc/\(process)/comm", limit: 64)) ?? "?"
                return "process \(process) (\(name.prefix { $0 != "\n" })): open file \(path)"
            }
            return nil
        }
    }
}
