import CBlkid
import Platform

/// What one of libblkid's probers found.
struct SuperblockHit: Equatable, Sendable {
    /// libblkid's type.
    var type: String
    /// The version as the superblock gives it, in libblkid's words.
    var version: String?
    /// The volume's label.
    var label: String?
    /// The volume's UUID or serial number.
    var uuid: String?
    /// Where the magic was found, from the start of the window.
    var magicOffset: UInt64?
    /// Whether the superblock's checksum is wrong.
    var checksumWrong = false
}

/// What libblkid makes of a window's superblocks.
enum SuperblockAnswer: Equatable, Sendable {
    /// Nothing known.
    case nothing
    /// One answer, and what else would have matched.
    case one(SuperblockHit, also: [String])
    /// Several, and libblkid will not choose.
    case ambivalent([SuperblockHit])
    /// Reading failed.
    case unreadable
}

/// libblkid's low-level probing, on a window of an open source; owned by one thread.
final class BlkidProbe {
    /// The smallest window that is probed, in bytes: libblkid takes a length of 0 as "all".
    static let smallestLength: UInt64 = 512

    let raw: blkid_probe

    /// Nil where the window is too small or memory is short.
    init?(_ window: Window, sectorSize: UInt32 = 512) {
        guard window.length >= Self.smallestLength, let probe = blkid_new_probe() else {
            return nil
        }
        let set = blkid_probe_set_device(
            probe, window.descriptor.raw, blkid_loff_t(clamping: window.offset),
            blkid_loff_t(clamping: window.length))
        guard set == 0 else {
            blkid_free_probe(probe)
            return nil
        }
        if sectorSize != 512 { blkid_probe_set_sectorsize(probe, sectorSize) }
        raw = probe
    }

    deinit { blkid_free_probe(raw) }

    /// The current value of this name as text, without NULs at its end.
    func value(_ name: String) -> String? {
        var data: UnsafePointer<CChar>?
        var length = 0
        guard blkid_probe_lookup_value(raw, name, &data, &length) == 0, let data else { return nil }
        let bytes = UnsafeRawBufferPointer(start: data, count: length)
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    private var hit: SuperblockHit? {
        guard let type = value("TYPE") else { return nil }
        return SuperblockHit(
            type: type, version: value("VERSION"), label: value("LABEL"), uuid: value("UUID"),
            magicOffset: value("SBMAGIC_OFFSET").flatMap { UInt64($0) },
            checksumWrong: blkid_probe_has_value(raw, "SBBADCSUM") != 0)
    }

    private func superblocks(badChecksums: Bool) {
        blkid_probe_enable_partitions(raw, 0)
        blkid_probe_enable_superblocks(raw, 1)
        let wanted =
            BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE
            | BLKID_SUBLKS_VERSION | BLKID_SUBLKS_MAGIC
        blkid_probe_set_superblocks_flags(
            raw, wanted | (badChecksums ? BLKID_SUBLKS_BADCSUM : 0))
    }

    /// Looks for superblocks; one with a wrong checksum counts only where nothing else is found.
    static func superblocks(_ window: Window) -> SuperblockAnswer {
        let window = window.probeable
        let answer = superblocks(window, badChecksums: false)
        return answer == .nothing ? superblocks(window, badChecksums: true) : answer
    }

    private static func superblocks(_ window: Window, badChecksums: Bool) -> SuperblockAnswer {
        guard let probe = BlkidProbe(window) else { return .nothing }
        probe.superblocks(badChecksums: badChecksums)
        switch blkid_do_safeprobe(probe.raw) {
        case 0:
            guard let hit = probe.hit else { return .nothing }
            let also = all(window).map(\.type).filter { $0 != hit.type }
            return .one(hit, also: also)
        case 1: return .nothing
        case -2: return .ambivalent(all(window))
        default: return .unreadable
        }
    }

    /// Everything that matches, in libblkid's order.
    private static func all(_ window: Window) -> [SuperblockHit] {
        guard let probe = BlkidProbe(window) else { return [] }
        probe.superblocks(badChecksums: false)
        var hits: [SuperblockHit] = []
        // libblkid knows fewer than 100 types; each is asked once.
        for _ in 0..<100 {
            guard blkid_do_probe(probe.raw) == 0 else { break }
            if let hit = probe.hit, !hits.contains(hit) { hits.append(hit) }
        }
        return hits
    }
}
