import Platform
import Testing

@Suite struct ChecksumTests {
    /// One of the examples of RFC 7143, appendix A.4.
    struct Example: Sendable {
        let bytes: [UInt8]
        let crc: UInt32
    }

    static let examples: [Example] = [
        Example(bytes: [UInt8](repeating: 0, count: 32), crc: 0x8A91_36AA),
        Example(bytes: [UInt8](repeating: 0xFF, count: 32), crc: 0x62A8_AB43),
        Example(bytes: [UInt8](0..<32), crc: 0x46DD_794E),
        Example(bytes: [UInt8]((0..<32).reversed()), crc: 0x113F_DB5C),
    ]

    @Test(arguments: examples)
    func `CRC32C is what the specification's examples say`(_ example: Example) {
        #expect(example.bytes.withUnsafeBytes { Checksum.crc32c($0) } == example.crc)
        #expect(Checksum.crc32cByTables(example.bytes) == example.crc)
    }

    @Test func `the instruction and the tables agree at every length, in one go or two`() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
        for count in 0...bytes.count {
            let part = Array(bytes[..<count])
            let whole = part.withUnsafeBytes { Checksum.crc32c($0) }
            #expect(whole == Checksum.crc32cByTables(part))
            let half = Checksum.crc32cByTables(Array(part[..<(count / 2)]))
            let rest = Array(part[(count / 2)...])
            #expect(rest.withUnsafeBytes { Checksum.crc32c($0, seed: half) } == whole)
        }
    }
}
