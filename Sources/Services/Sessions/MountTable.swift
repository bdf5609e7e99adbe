import Platform

/// What is mounted where, from /proc/self/mountinfo.
///
/// Never touches the mounts themselves.
public enum MountTable {
    /// Whether something is mounted exactly on this absolute path.
    public static func isMounted(_ path: String) -> Bool {
        mountpoints().contains(path)
    }

    /// Every mount's folder.
    public static func mountpoints() -> [String] {
        let text = (try? Files.readText("/proc/self/mountinfo")) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            return fields.count > 4 ? unescape(fields[4]) : nil
        }
    }

    /// Where the file system of a block device, named `major:minor`, is mounted; the first folder
    /// of several.
    static func mountpoint(ofDevice name: String) -> String? {
        mountpoint(ofDevice: name, in: (try? Files.readText("/proc/self/mountinfo")) ?? "")
    }

    /// Finds a device in the text of mountinfo.
    static func mountpoint(ofDevice name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5)
            if fields.count > 4, fields[2] == name { return unescape(fields[4]) }
        }
        return nil
    }

    /// Undoes the octal escapes of the kernel's mount tables.
    static func unescape(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
