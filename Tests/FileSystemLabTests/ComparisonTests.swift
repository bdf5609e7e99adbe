import FileSystemLab
import Platform
import Testing

/// The judge itself is judged: each kind of difference is found, and sameness is no difference.
@Suite struct ComparisonTests {
    let scratch: Scratch
    let left: RawPath
    let right: RawPath

    init() throws {
        scratch = try Scratch()
        left = RawPath("\(scratch.path)/left")
        right = RawPath("\(scratch.path)/right")
        for root in [left, right] {
            try root.makeFolder()
            try root.appending("folder").makeFolder()
            try root.appending("folder/new\nline").write([1, 2, 3])
            try root.appending([0xff, 0xfe]).write([4])
            try root.appending("hard").makeHardLink(to: root.appending([0xff, 0xfe]))
            try root.appending("link").makeLink(to: Array("folder".utf8))
            for name in [Array("folder/new\nline".utf8), [0xff, 0xfe]] {
                try root.appending(name).setTimes(nanoseconds: 1_000_000_000_123_456_789)
            }
        }
    }

    private func differences(_ traits: Traits = .posix) throws -> [String] {
        let expected = try Manifest(of: left.description)
        let found = try Manifest(of: right.description)
        return Comparison(found: found, expected: expected, traits: traits).differences
    }

    @Test func `equal folders have none`() throws {
        #expect(try differences() == [])
        #expect(try Manifest(of: left.description).entries.count == 5)
    }

    @Test func `finds what is missing and what is not expected`() throws {
        try right.appending("link").remove()
        try right.appending("extra").makeFolder()
        #expect(try differences() == ["missing: link", "not expected: extra"])
    }

    @Test func `finds another content, size, kind, target, mode and time`() throws {
        let file = right.appending("folder/new\nline")
        try file.write([1, 2, 4])
        try file.setTimes(nanoseconds: 1_000_000_000_123_456_789)
        #expect(try differences() == ["folder/new\\xaline: another content"])
        try file.write([1, 2, 3, 4])
        try file.setTimes(nanoseconds: 1_000_000_000_123_456_788)
        #expect(try differences().count == 3)
        try file.write([1, 2, 3])
        try file.setTimes(nanoseconds: 1_000_000_000_123_456_789)
        try file.setMode(0o600)
        #expect(try differences() == ["folder/new\\xaline: mode 600, not 644"])
        try right.appending("link").remove()
        try right.appending("link").makeLink(to: Array("elsewhere".utf8))
        #expect(try differences().contains("link: points to elsewhere"))
        try right.appending("link").remove()
        try right.appending("link").write([])
        #expect(try differences().contains("link: is a f, not a l"))
    }

    @Test func `finds a hard link that became two files`() throws {
        try right.appending("hard").remove()
        try right.appending("hard").write([4])
        try right.appending("hard").setTimes(nanoseconds: 1_000_000_000_123_456_789)
        #expect(try differences().contains { $0.hasPrefix("hard links no longer one file") })
    }

    @Test func `promises no more than the traits do`() throws {
        let file = right.appending("folder/new\nline")
        try file.setTimes(nanoseconds: 1_000_000_000_000_000_000)
        try right.appending("hard").setTimes(nanoseconds: 1_000_000_000_000_000_000)
        try file.setMode(0o640)
        let coarse = Traits.posix.with {
            $0.times = .granularity(nanoseconds: 2_000_000_000)
            $0.modes = .none
        }
        #expect(try differences(coarse) == [])
        #expect(try differences().count == 4)
    }
}
