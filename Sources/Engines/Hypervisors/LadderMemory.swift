import Platform
import VirtualMachine

/// What boots on this machine, remembered in a file until machine or software changes.
///
/// The file is text: a title, the key of machine and software, and a line for each hypervisor that
/// was tested. A file that is not understood, or whose key is another, is as good as none.
struct LadderMemory: Sendable, Equatable {
    private static let title = "causeway hypervisors 1"
    private static let sizeLimit = 1 << 16

    /// Which machine and software the results are for.
    let key: String
    /// What came of each test.
    private(set) var results: [HypervisorKind: BootResult] = [:]

    /// Nothing remembered yet.
    init(key: String) { self.key = key }

    /// Reads what the file holds for this key.
    init(file: String, key: String) {
        self.key = key
        guard let text = try? Files.readText(file, limit: Self.sizeLimit) else { return }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines[0] == Self.title, lines[1] == key else { return }
        for line in lines.dropFirst(2) {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let kind = HypervisorKind(rawValue: String(words[0])) else {
                continue
            }
            if words[1] == "boots", let time = Int64(words[2]) {
                results[kind] = .boots(milliseconds: time)
            } else if words[1] == "fails" {
                results[kind] = .fails(reason: String(words[2]))
            }
        }
    }

    /// Notes a result.
    mutating func note(_ result: BootResult, for kind: HypervisorKind) { results[kind] = result }

    /// Writes the file as a whole; its folder is made where absent.
    func save(to file: String) throws(SystemError) {
        if let slash = file.lastIndex(of: "/"), slash != file.startIndex {
            try Files.makeDirectories(String(file[..<slash]))
        }
        try Files.replace(file, with: Array(text.utf8))
    }

    /// The file's content.
    var text: String {
        var lines = [Self.title, key]
        for kind in HypervisorKind.allCases {
            switch results[kind] {
            case .boots(let time): lines.append("\(kind.rawValue) boots \(time)")
            case .fails(let reason):
                let flat = reason.map { $0.isNewline ? " " : String($0) }.joined()
                lines.append("\(kind.rawValue) fails \(flat)")
            case nil: break
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Names a machine and the software on it.
enum MachineKey {
    /// The host's kernel, its processor, and the identity of every program and appliance file.
    ///
    /// Files are named by size and time of change: their bytes are too many to read each time.
    static func current(appliances: [HypervisorKind: AppliancePaths]) -> String {
        var parts = [Kernel.release(), processor()]
        let files = QEMUFiles()
        var paths = [files.program ?? "-"] + files.modules + ["/dev/kvm"]
        for kind in HypervisorKind.allCases {
            guard let appliance = appliances[kind] else { continue }
            paths += [appliance.kernel, appliance.initramfs]
        }
        for path in paths {
            guard let status = try? Files.status(path) else {
                parts.append("-")
                continue
            }
            parts.append(
                "\(status.size).\(status.modifiedNanoseconds).\(status.inode).\(status.mode)")
        }
        return parts.joined(separator: "|")
    }

    private static func processor() -> String {
        let text = (try? Files.readText("/proc/cpuinfo", limit: 1 << 14)) ?? ""
        let names: Set<Substring> = ["vendor_id", "cpu family", "model", "model name", "stepping"]
        var parts: [Substring] = []
        // The first processor's paragraph ends at an empty line.
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard !line.isEmpty else { break }
            let sides = line.split(separator: ":", maxSplits: 1)
            guard sides.count == 2, let name = sides.first else { continue }
            let plain = name.prefix { $0 != "\t" }
            if names.contains(plain) { parts.append(sides[1].drop { $0 == " " }) }
        }
        return parts.joined(separator: ",")
    }
}
