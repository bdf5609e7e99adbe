import BlockDevice
import Bytes
import Glibc

// The suite handles megabytes in unoptimised builds: bytes are moved and compared by libc.

extension SeededGenerator {
    /// Random content.
    mutating func content(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            for place in stride(from: 0, to: count & ~7, by: 8) {
                bytes.storeBytes(of: next(), toByteOffset: place, as: UInt64.self)
            }
            for place in count & ~7..<count { buffer[place] = UInt8(truncatingIfNeeded: next()) }
            filled = count
        }
    }
}

/// Where two pieces of content of the same length differ first; nil where they do not.
func difference(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int? {
    let isSame = left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
            guard let first = left.baseAddress, let second = right.baseAddress else {
                return left.count == right.count
            }
            return left.count == right.count && memcmp(first, second, left.count) == 0
        }
    }
    if isSame { return nil }
    return zip(left, right).enumerated().first { $1.0 != $1.1 }?.offset
        ?? min(left.count, right.count)
}

/// Whether content is one byte again and again.
func isUniform(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress, bytes.count > 1 else { return true }
        return memcmp(start, start + 1, bytes.count - 1) == 0
    }
}

/// Whether content is nothing but zeros.
func isZero(_ bytes: ArraySlice<UInt8>) -> Bool { isUniform(bytes) && bytes.first ?? 0 == 0 }

extension BlockDevice {
    /// Reads bytes; the memory was something else before.
    func bytes(_ offset: UInt64, _ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
            bytes.initializeMemory(as: UInt8.self, repeating: 0xa5)
            try read(at: offset, into: bytes)
            filled = count
        }
    }

    /// Writes bytes.
    func write(_ bytes: [UInt8], at offset: UInt64, options: BlockWriteOptions = []) throws {
        try bytes.withUnsafeBytes { try write(at: offset, from: $0, options: options) }
    }

    /// Makes zeros; false where that is refused because it would not be fast.
    func zeroes(_ range: BlockRange, _ options: BlockWriteOptions) throws(BlockError) -> Bool {
        do throws(BlockError) {
            try writeZeroes(range, options: options)
            return true
        } catch {
            if case .notSupported = error, options.contains(.onlyIfFast) { return false }
            throw error
        }
    }
}
