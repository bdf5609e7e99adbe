import Bytes
import Testing

@testable import Appliance

@Suite struct KernelImageTests {
    /// An image with one setup sector and the payload 16 bytes behind it.
    private func image(payload: [UInt8], version: UInt16 = 0x020f) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 1024 + 16)
        func put(_ value: some FixedWidthInteger, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) {
                for (index, byte) in $0.enumerated() { image[offset + index] = byte }
            }
        }
        put(UInt8(1), at: 0x1f1)
        put(UInt32(0x5372_6448), at: 0x202)
        put(version, at: 0x206)
        put(UInt32(16), at: 0x248)
        put(UInt32(payload.count), at: 0x24c)
        return image + payload
    }

    @Test func `the payload is found by the header`() throws {
        let payload: [UInt8] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3, 4]
        let image = image(payload: payload)
        #expect(Array(try KernelImage.payload(of: image)) == payload)
        #expect(Compression(try KernelImage.payload(of: image)) == .xz)
    }

    @Test func `every cut of an image is refused`() {
        let image = image(payload: [1, 2, 3])
        for count in image.indices {
            #expect(throws: BytesError.self) { try KernelImage.payload(of: Array(image[..<count])) }
        }
    }

    @Test func `other files are refused`() {
        let zeros = [UInt8](repeating: 0, count: 4096)
        #expect(throws: BytesError.invalid(field: "magic", value: 0)) {
            try KernelImage.payload(of: zeros)
        }
        let old = image(payload: [1], version: 0x0207)
        #expect(throws: BytesError.invalid(field: "version", value: 0x0207)) {
            try KernelImage.payload(of: old)
        }
    }

    @Test func `a length that points outside is refused`() {
        var image = image(payload: [1, 2, 3])
        for index in 0x248..<0x250 { image[index] = 0xff }
        #expect(throws: BytesError.self) { try KernelImage.payload(of: image) }
    }

    @Test func `an unknown compression is none`() {
        #expect(Compression([1, 2, 3, 4]) == nil)
        #expect(Compression([]) == nil)
        #expect(Compression([0x1f, 0x8b, 8]) == .gzip)
        #expect(Compression([0x28, 0xb5, 0x2f, 0xfd]) == .zstd)
    }
}
