import Catalogue

/// The state of a UDF volume, and whether the kernel's driver would write it.
///
/// ECMA-167 3/10 (volume descriptors) and UDF 2.60, section 2.2 (partition maps). Every chain is
/// bounded: a hostile one may be a circle.
enum UDFVolume {
    /// Tags of descriptors.
    private enum Tag {
        static let anchor: UInt16 = 2
        static let partition: UInt16 = 5
        static let logicalVolume: UInt16 = 6
        static let terminating: UInt16 = 8
        static let integrity: UInt16 = 9
    }
    /// Descriptors looked at in one sequence or chain.
    private static let limit: UInt64 = 64

    static func state(_ read: VolumeBytes) -> StateReaders.Finding {
        for block in [2048, 512, 4096, 1024] as [UInt64] {
            guard let anchor = read(256 * block, 32), anchor.le16(0) == Tag.anchor,
                anchor.le32(12) == 256
            else { continue }
            let first = UInt64(anchor.le32(20))
            let count = min(limit, UInt64(anchor.le32(16)) / block)
            return sequence(read, block: block, first: first, count: count)
        }
        return StateReaders.unknown("its anchor")
    }

    private static func sequence(
        _ read: VolumeBytes, block: UInt64, first: UInt64, count: UInt64
    ) -> StateReaders.Finding {
        var state = StateReaders.unknown("its integrity descriptor")
        var refusal: String?
        for index in 0..<count {
            guard let descriptor = read((first + index) * block, 512) else { break }
            switch descriptor.le16(0) {
            case Tag.terminating: return .init(state.state, state.reason, refusesWriting: refusal)
            case Tag.partition:
                // Access types: 1 read-only, 2 write once, 3 rewritable, 4 overwritable.
                if (1...2).contains(descriptor.le32(184)) {
                    refusal = "its partition is marked as read-only"
                }
            case Tag.logicalVolume:
                state = integrity(
                    read, block: block, length: descriptor.le32(432), first: descriptor.le32(436))
                if let map = foreignMap(descriptor) { refusal = "it has a \(map)" }
            default: continue
            }
        }
        return .init(state.state, state.reason, refusesWriting: refusal)
    }

    /// A partition map of a kind that the driver reads and does not write.
    private static func foreignMap(_ descriptor: [UInt8]) -> String? {
        var place = 440
        for _ in 0..<min(8, descriptor.le32(268)) {
            guard place + 2 <= descriptor.count else { return nil }
            let length = Int(descriptor[place + 1])
            guard length >= 6, place + length <= descriptor.count else { return nil }
            if descriptor[place] == 2, length >= 28 {
                let name = String(decoding: descriptor[place + 5..<place + 28], as: UTF8.self)
                if name.hasPrefix("*UDF Metadata") { return "metadata partition" }
                if name.hasPrefix("*UDF Virtual") { return "virtual partition" }
            }
            place += length
        }
        return nil
    }

    private static func integrity(
        _ read: VolumeBytes, block: UInt64, length: UInt32, first: UInt32
    ) -> StateReaders.Finding {
        var (length, place) = (length, UInt64(first))
        var open: Bool?
        for _ in 0..<limit {
            guard length >= 40, let descriptor = read(place * block, 40),
                descriptor.le16(0) == Tag.integrity
            else { break }
            open = descriptor.le32(28) == 0
            if descriptor.le32(32) != 0 {
                (length, place) = (descriptor.le32(32), UInt64(descriptor.le32(36)))
            } else {
                guard UInt64(length) > block else { break }
                (length, place) = (length - UInt32(block), place + 1)
            }
        }
        guard let open else { return StateReaders.unknown("its integrity descriptor") }
        return open ? .init(.dirty, "it was not unmounted") : .clean
    }
}
