import Platform
import Testing

@testable import Appliance

@Suite struct BuildCacheTests {
    @Test func `a folder is replaced whole`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        let target = "\(folder.path)/target"
        for text in ["old", "new"] {
            try cache.replaceFolder(target) { staging throws(ApplianceError) in
                try cache.write("\(staging)/\(text)", Array(text.utf8))
            }
            #expect(cache.list(target) == [text])
        }
        #expect(cache.list(folder.path) == ["target"])
    }

    @Test func `a folder whose filling fails stays as it was`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        try folder.write("target/old", "old")
        let failure = ApplianceError("no", remedy: "none")
        #expect(throws: failure) {
            try cache.replaceFolder("\(folder.path)/target") { staging throws(ApplianceError) in
                try cache.write("\(staging)/half", [1])
                throw failure
            }
        }
        #expect(cache.list(folder.path) == ["target"])
        #expect(cache.list("\(folder.path)/target") == ["old"])
    }

    @Test func `what a killed build left behind is no obstacle`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        try folder.write("target.new/half", "half")
        try cache.replaceFolder("\(folder.path)/target") { staging throws(ApplianceError) in
            #expect(cache.list(staging).isEmpty)
        }
        #expect(cache.list(folder.path) == ["target"])
    }

    @Test func `a lock is free again when its holder is done, or threw`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        var waits = 0
        let observer: BuildObserver = { if $0.phase == .waiting { waits += 1 } }
        let failure = ApplianceError("no", remedy: "none")
        #expect(throws: failure) {
            try cache.locked("a", observer: observer) { () throws(ApplianceError) in throw failure }
        }
        try #require(try isFree("\(folder.path)/locks/a"))
        let sum = try cache.locked("a", observer: observer) { () throws(ApplianceError) in
            try cache.locked("b", observer: observer) { () throws(ApplianceError) in 1 } + 1
        }
        #expect(sum == 2)
        #expect(waits == 0)
    }

    /// Whether nobody has a lock, within a minute.
    ///
    /// A child that another test starts now has a copy of it until it runs its program.
    private func isFree(_ lock: String) throws -> Bool {
        let file = try Files.open(lock, .readOnly)
        let deadline = Clock.milliseconds() + 60_000
        while try Files.isClaimed(file) {
            if Clock.milliseconds() > deadline { return false }
            _ = try Descriptors.poll([], milliseconds: 1)
        }
        return true
    }

    @Test func `a lock keeps another builder waiting`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        try Files.makeDirectories("\(folder.path)/locks")
        var other: OwnedFD? = try Files.open("\(folder.path)/locks/a", [.readWrite, .create])
        #expect(try Files.claim(try #require(other)))
        var waits = 0
        let observer: BuildObserver = { _ in
            waits += 1
            other = nil
        }
        try cache.locked("a", observer: observer) { () throws(ApplianceError) in }
        #expect(waits >= 1)
        #expect(other == nil)
    }
}
