import Bytes

/// The content of a file, made from a seed: noise, text or mostly zeros.
public struct Content: Sendable, Equatable {
    /// Size in bytes.
    public var size: Int
    /// Where the noise begins.
    public var seed: UInt64

    /// Describes content.
    public init(size: Int, seed: UInt64) {
        self.size = size
        self.seed = seed
    }

    /// The bytes; eight or more begin with the seed, so that no two files are alike.
    public var bytes: [UInt8] {
        var bytes =
            switch seed % 3 {
            case 0: noise
            case 1: text
            default: mostlyZeros
            }
        for index in 0..<min(8, bytes.count) {
            bytes[index] = UInt8(truncatingIfNeeded: seed >> (8 * index))
        }
        return bytes
    }

    private var noise: [UInt8] {
        var random = SeededGenerator(seed: seed)
        return [UInt8](unsafeUninitializedCapacity: size + 8) { buffer, count in
            var offset = 0
            let raw = UnsafeMutableRawBufferPointer(buffer)
            while offset < size {
                raw.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            count = size
        }
    }

    private var text: [UInt8] {
        let line = Array("line \(seed) of a text that compresses well\n".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + line.count)
        while bytes.count < size { bytes += line }
        return Array(bytes[..<size])
    }

    private var mostlyZeros: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        for index in stride(from: Int(seed % 512), to: size, by: 7919) {
            bytes[index] = UInt8(truncatingIfNeeded: seed >> 8) | 1
        }
        return bytes
    }
}
