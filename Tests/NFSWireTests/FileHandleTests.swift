import NFSWire
import Testing

@Suite struct FileHandleTests {
    @Test func `keeps its bytes`() throws {
        for count in [0, 1, 28, 64] {
            let bytes = (0..<count).map { UInt8($0) }
            #expect(try #require(FileHandle(bytes)).bytes == bytes)
        }
    }

    @Test func `refuses more than 64 bytes`() {
        #expect(FileHandle([UInt8](repeating: 1, count: 65)) == nil)
    }

    @Test func `differs by length even where the bytes are zero`() throws {
        let short = try #require(FileHandle([0, 0]))
        let long = try #require(FileHandle([0, 0, 0]))
        #expect(short != long)
        #expect(Set([short, long, FileHandle.none]).count == 3)
    }

    @Test func `is equal to itself as a key`() throws {
        let one = try #require(FileHandle([1, 2, 3, 4, 5, 6, 7, 8, 9]))
        let other = try #require(FileHandle([1, 2, 3, 4, 5, 6, 7, 8, 9]))
        #expect([one: 1][other] == 1)
    }
}
