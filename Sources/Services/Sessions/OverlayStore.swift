import FoundationEssentials
import Platform
import StorageDaemon

/// The kept overlays of `--scratch`: one folder for each source, one qcow2 file for each window.
///
/// An overlay is only valid over exactly the bytes it was begun on, so its folder remembers the
/// source's size and time of change, and every use checks them; nothing of ours writes to a source
/// while an overlay of it is kept, but the commit.
public struct OverlayStore: Sendable {
    /// What the overlay was begun on: the content of `source.json`.
    public struct Base: Codable, Equatable, Sendable {
        /// The source's absolute path.
        public var source: String
        /// Its size in bytes.
        public var size: UInt64
        /// Its modification time; 0 for block devices, which have none.
        public var modifiedNanoseconds: Int64
        /// The image format of the source.
        public var format: String
        /// The file's inode number; nil for block devices.
        ///
        /// Not every file system keeps it for ever.
        public var inode: UInt64?
        /// What the hardware calls itself, for block devices that do.
        public var hardware: String?
        /// Whether a commit has begun: from then on the source's time of change says nothing, and
        /// what it holds is neither the old nor the new.
        public var isCommitting = false
    }

    /// Where Causeway keeps its files.
    let folders: CausewayFolders

    /// The store in these folders.
    public init(folders: CausewayFolders) { self.folders = folders }

    /// The folder of a source's overlays, whether or not it exists.
    public func folder(ofSource source: String) -> String {
        "\(folders.overlays)/\(Self.name(ofSource: source))"
    }

    /// A short name that stays the same for the same path.
    static func name(ofSource source: String) -> String {
        // FNV-1a: names must be stable and short, not secret.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in source.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let name = source.split(separator: "/").last.map(String.init) ?? "source"
        let short = String(
            name.prefix(40).map { $0.isASCII && $0.isLetter || $0.isNumber ? $0 : "-" })
        return "\(short)-\(String(hash, radix: 16))"
    }

    /// The overlay file for the window that begins at this byte of the source.
    func file(ofSource source: String, windowOffset: UInt64) -> String {
        "\(folder(ofSource: source))/window-\(windowOffset).qcow2"
    }

    /// The window that an overlay file lies over.
    ///
    /// Its length is the image's virtual size: QEMU's docs/interop/qcow2.txt, bytes 24 to 31.
    func window(offset: UInt64, overlay: String) throws(SystemError) -> DiskWindow {
        let file = try Files.open(overlay, .readOnly)
        let length = try Files.read(file, at: 24, count: 8).reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        return DiskWindow(offset: offset, length: length, overlay: overlay)
    }

    /// What a source's overlay was begun on; nil where there is none.
    public func base(ofSource source: String) -> Base? {
        guard let bytes = try? Files.read("\(folder(ofSource: source))/source.json") else {
            return nil
        }
        return try? JSONDecoder().decode(Base.self, from: Data(bytes))
    }

    /// Byte offsets of the windows that have an overlay.
    public func windows(ofSource source: String) -> [UInt64] {
        ((try? Files.list(folder(ofSource: source))) ?? []).compactMap { name in
            guard name.hasPrefix("window-"), name.hasSuffix(".qcow2") else { return nil }
            return UInt64(name.dropFirst(7).dropLast(6))
        }.sorted()
    }

    /// What the kept overlays of a source were begun on; nil where none is kept.
    ///
    /// A description without any overlay is left over from a start that failed, and says nothing.
    /// Overlays without their description are refused: nobody can tell whether they still fit.
    func keptBase(ofSource source: String) throws(SessionError) -> Base? {
        guard !windows(ofSource: source).isEmpty else { return nil }
        guard let base = base(ofSource: source) else {
            throw SessionError(
                .overlay,
                "the description of \(source)'s overlay, \(folder(ofSource: source))/source.json, "
                    + "is missing or unreadable, so nobody can tell whether the two still fit",
                remedy: "Restore that file, or give the overlay up with `causeway discard`.")
        }
        return base
    }

    /// Claims a source's overlays, whether or not there are any; keep the descriptor.
    ///
    /// The source's own lock is not enough: it is the file's, and goes with it where that is
    /// renamed under a session, while overlays belong to a path.
    func claim(source: String) throws(SessionError) -> OwnedFD {
        let folder = folder(ofSource: source)
        let isOurs: OwnedFD? = try SessionError.wrap(
            .overlay, "cannot claim \(folder)", remedy: "Make room below \(folders.overlays)."
        ) { () throws(SystemError) in
            while true {
                try Files.makeDirectories(folder, mode: 0o700)
                let lock = try Files.open("\(folder)/lock", [.readWrite, .create])
                guard try Files.claim(lock) else { return nil }
                // Whoever held it until now may have thrown the folder away.
                let there = try? Files.status("\(folder)/lock", followLinks: false)
                if try there?.inode == Files.status(lock).inode { return lock }
            }
        }
        if let isOurs { return isOurs }
        throw SessionError(
            .overlay, "the overlay of \(source) is in use by a session or a commit",
            remedy: "`causeway list` shows it; `causeway unmount` frees it.", exit: .busy)
    }

    /// Prepares the overlay folder of a source, or checks that the one there still fits.
    func prepare(source: String, status: FileStatus, size: UInt64, format: String)
        throws(SessionError)
    {
        sweep()
        let now = Base(source: source, size: size, status: status, format: format)
        if let base = try keptBase(ofSource: source) {
            try check(base, against: now)
            return
        }
        try write(now)
    }

    /// Writes down what an overlay was begun on; it outlasts a power cut from then on.
    func write(_ base: Base) throws(SessionError) {
        do {
            let folder = folder(ofSource: base.source)
            try Files.makeDirectories(folder, mode: 0o700)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            try Files.replace("\(folder)/source.json", with: [UInt8](encoder.encode(base)))
            try Files.syncDirectory(folder)
            try Files.syncDirectory(folders.overlays)
            try Files.syncDirectory(folders.state)
        } catch {
            throw SessionError(
                .overlay, "cannot write the overlay's description: \(error)",
                remedy: "Make room below \(folders.overlays).")
        }
    }

    /// Refuses an overlay whose source has changed since it was begun.
    func check(_ base: Base, against now: Base) throws(SessionError) {
        guard !base.isCommitting else {
            throw SessionError(
                .overlay, "a commit of \(now.source)'s overlay was cut short",
                remedy: "Run `causeway commit` again: it goes on where it stopped.", exit: .busy)
        }
        guard base.format == now.format else {
            throw SessionError(
                .overlay,
                "\(now.source)'s overlay was begun on it as format \(base.format), "
                    + "not \(now.format)",
                remedy: "Name the same --format, or give the overlay up with `causeway discard`.",
                exit: .sourceUnusable)
        }
        guard base.fits(now) else {
            throw SessionError(
                .overlay,
                "\(now.source) has changed since its overlay was begun, so the two do not fit",
                remedy: "Restore the source, or give the overlay up with `causeway discard`.",
                exit: .sourceUnusable)
        }
    }

    /// Refuses to go on with a commit where the source is another one than it was begun on.
    ///
    /// - Parameter anyway: the user knows that it is the same, though its inode is another.
    func checkResumed(
        _ base: Base, against now: Base, anyway: Bool
    ) throws(SessionError) {
        guard base.size == now.size, base.hardware == nil || base.hardware == now.hardware else {
            throw SessionError(
                .overlay,
                "the commit that was cut short was of another disk: \(now.source) is not what its "
                    + "overlay was begun on",
                remedy: "Bring that one back, or give the overlay up with `causeway discard "
                    + "--force`.", exit: .sourceUnusable)
        }
        guard anyway || base.inode == nil || base.inode == now.inode else {
            throw SessionError(
                .overlay,
                "\(now.source) seems to be another file than the one whose commit was cut short",
                remedy: "If it is the same, for instance on a drive that was plugged in again: "
                    + "`causeway commit --force`.", exit: .sourceUnusable)
        }
    }

    /// Refuses what a source cannot be used for while an overlay of it is kept.
    func checkUse(of source: String, mode: WriteMode) throws(SessionError) {
        guard !windows(ofSource: source).isEmpty else { return }
        guard base(ofSource: source)?.isCommitting != true else {
            throw SessionError(
                .overlay,
                "a commit to \(source) was cut short: part of it is old and part of it new",
                remedy: "Run `causeway commit` again: it goes on where it stopped. "
                    + "`causeway discard --force` leaves it as it is.", exit: .busy)
        }
        guard mode != .write else {
            throw SessionError(
                .overlay,
                "an overlay of \(source) is kept, which fits only as long as nothing else is "
                    + "written to it",
                remedy: "`causeway commit` or `causeway discard` it first, or use --scratch again.",
                exit: .busy)
        }
    }

    /// Refuses a window that shares bytes with one that has an overlay, unless it is the same: two
    /// overlays of one place cannot both be committed.
    func checkOverlap(source: String, with wanted: DiskWindow) throws(SessionError) {
        for offset in windows(ofSource: source) {
            let overlay = file(ofSource: source, windowOffset: offset)
            let kept = try SessionError.wrap(.overlay, "cannot read \(overlay)") {
                () throws(SystemError) in try window(offset: offset, overlay: overlay)
            }
            let isSame = kept.offset == wanted.offset && kept.length == wanted.length & ~511
            guard isSame || !kept.overlaps(wanted) else {
                throw SessionError(
                    .overlay,
                    "an overlay of \(source) is kept that covers another part of it: "
                        + "\(kept.length) bytes from byte \(kept.offset) on",
                    remedy: "`causeway commit` or `causeway discard` it first, "
                        + "or ask for the same part again.", exit: .busy)
            }
        }
    }
}

extension OverlayStore.Base {
    /// What a source is now.
    init(source: String, size: UInt64, status: FileStatus, format: String) {
        self.init(
            source: source, size: size,
            modifiedNanoseconds: status.kind == .file ? status.modifiedNanoseconds : 0,
            format: format)
        switch status.kind {
        case .blockDevice: hardware = HardwareName.of(device: status.specialDeviceName)
        default: inode = status.inode
        }
    }

    /// Whether an overlay begun on this is good on what is there now.
    fileprivate func fits(_ now: Self) -> Bool {
        size == now.size && modifiedNanoseconds == now.modifiedNanoseconds
            && (hardware == nil || hardware == now.hardware)
    }
}

extension DiskWindow {
    /// Whether both have a byte in common; an empty one has none.
    fileprivate func overlaps(_ other: DiskWindow) -> Bool {
        offset < other.offset.addingReportingOverflow(other.length).partialValue
            && other.offset < offset.addingReportingOverflow(length).partialValue
    }
}
