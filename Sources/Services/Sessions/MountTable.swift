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

    /// The device of what is mounted on this absolute path, `major:minor`; of several mounts there,
    /// of the one on top.
    static func device(of mountpoint: String) -> String? {
        let text = (try? Files.readText("/proc/self/mountinfo")) ?? ""
        return text.split(separator: "\n").last { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            return fields.count > 4 && unescape(fields[4]) == mountpoint
        }.map { String($0.split(separator: " ", maxSplits: 3)[2]) }
    }

    /// Where our mount of a source lies now, whatever its folder was renamed to; nil where it is
    /// gone.
    ///
    /// Device numbers of FUSE are given away again, so what is mounted must be of this source too.
    static func folder(ofSource source: String, device: String) -> String? {
        let text = (try? Files.readText("/proc/self/mountinfo")) ?? ""
        return folder(ofSource: source, device: device, in: text)
    }

    /// Finds our mount in the text of mountinfo (proc_pid_mountinfo(5)).
    static func folder(ofSource source: String, device: String, in text: String) -> String? {
        // As `FuseMount` writes it.
        let name = source.split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "?")
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[2] == device,
                let dash = fields.dropFirst(6).firstIndex(of: "-"), dash + 2 < fields.count,
                fields[dash + 1] == "fuse.causeway", unescape(fields[dash + 2]) == name
            else { continue }
            return unescape(fields[4])
        }
        return nil
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
