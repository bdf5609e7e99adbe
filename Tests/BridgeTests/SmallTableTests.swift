import NFSWire
import Testing

@testable import Bridge

@Suite struct NewFoldersTests {
    private let folder = NewFolders.Folder(number: 5, generation: 1)

    @Test func `knows what a new folder lacks, and nothing of others`() {
        var folders = NewFolders()
        #expect(!folders.lacks([1], in: folder))
        folders.add(folder)
        #expect(folders.lacks([1], in: folder))
        folders.put([1], into: folder)
        #expect(!folders.lacks([1], in: folder))
        #expect(folders.lacks([2], in: folder))
        #expect(!folders.lacks([2], in: .init(number: 5, generation: 2)))
    }

    @Test func `forgets folders and names past its bounds, and then says nothing of them`() {
        var folders = NewFolders()
        folders.add(folder)
        for name in 0..<NewFolders.Limits.names {
            folders.put([UInt8(name & 0xff), UInt8(name >> 8)], into: folder)
        }
        #expect(!folders.lacks([9, 9, 9], in: folder))
        folders.add(folder)
        for number in 0..<UInt64(NewFolders.Limits.folders) {
            folders.add(.init(number: 100 + number, generation: 0))
        }
        #expect(!folders.lacks([9], in: folder))
        #expect(folders.lacks([9], in: .init(number: 100, generation: 0)))
    }
}

@Suite struct RecentAttributesTests {
    private func attributes(links: UInt32 = 1) throws -> NFSAttributes {
        let bytes = FakeServer.attributes(links: links)
        return try bytes.withUnsafeBytes { raw in
            var reader = XDRReader(raw)
            return try NFSAttributesReply(decoding: &reader).attributes
        }
    }

    @Test func `tells again what a change told, for a second`() throws {
        var recent = RecentAttributes()
        recent.begin(7, generation: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) == nil)
        recent.end(7, try attributes(), now: 0)
        #expect(recent.attributes(7, generation: 0, now: 1_000) != nil)
        #expect(recent.attributes(7, generation: 0, now: 1_001) == nil)
        #expect(recent.attributes(7, generation: 1, now: 0) == nil)
    }

    @Test func `trusts nothing that was told while another change was on its way`() throws {
        var recent = RecentAttributes()
        recent.begin(7, generation: 0)
        recent.begin(7, generation: 0)
        recent.end(7, try attributes(), now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) == nil)
        recent.end(7, try attributes(), now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) == nil)
        recent.begin(7, generation: 0)
        recent.end(7, try attributes(), now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) != nil)
    }

    @Test func `forgets files with several names when any name goes`() throws {
        var recent = RecentAttributes()
        for (number, links) in [(1, 1), (2, 2)] as [(UInt64, UInt32)] {
            recent.begin(number, generation: 0)
            recent.end(number, try attributes(links: links), now: 0)
        }
        recent.forgetLinked()
        #expect(recent.attributes(1, generation: 0, now: 0) != nil)
        #expect(recent.attributes(2, generation: 0, now: 0) == nil)
    }

    @Test func `takes what a read tells, unless the file has changed since it was asked`() throws {
        var recent = RecentAttributes()
        var asked = recent.moment
        recent.tell(7, generation: 0, try attributes(), asked: asked, now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) != nil)
        asked = recent.moment
        recent.begin(7, generation: 0)
        recent.end(7, nil, now: 0)
        recent.tell(7, generation: 0, try attributes(), asked: asked, now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) == nil)
        asked = recent.moment
        recent.begin(7, generation: 0)
        recent.tell(7, generation: 0, try attributes(), asked: recent.moment, now: 0)
        #expect(recent.attributes(7, generation: 0, now: 0) == nil)
    }

    @Test func `takes nothing told by a read that a change of another number may have outrun`()
        throws
    {
        var recent = RecentAttributes()
        let asked = recent.moment
        recent.forgetAll()
        recent.begin(1, generation: 0)
        recent.end(1, nil, now: 0)
        for number in 2...UInt64(RecentAttributes.limit + 2) {
            recent.begin(number, generation: 0)
            recent.end(number, nil, now: 0)
        }
        recent.tell(1, generation: 0, try attributes(), asked: asked, now: 0)
        #expect(recent.attributes(1, generation: 0, now: 0) == nil)
    }

    @Test func `is bounded and keeps what is on its way`() throws {
        var recent = RecentAttributes()
        recent.begin(0, generation: 0)
        for number in 1...UInt64(2 * RecentAttributes.limit) {
            recent.begin(number, generation: 0)
            recent.end(number, try attributes(), now: 0)
        }
        #expect(recent.attributes(1, generation: 0, now: 0) == nil)
        recent.end(0, try attributes(), now: 0)
        #expect(recent.attributes(0, generation: 0, now: 0) != nil)
    }
}

@Suite struct StrictHandleTests {
    @Test func `moves between the two exports by one bit`() throws {
        let strict = try #require(FileHandle([1, 0, 1, 0x81, 4, 0, 0, 0, 9, 9]))
        let relaxed = StrictHandle.relaxed(strict)
        #expect(relaxed.bytes == [1, 0, 1, 0x81, 5, 0, 0, 0, 9, 9])
        #expect(StrictHandle.strict(relaxed) == strict)
        #expect(StrictHandle.isKnownLayout(strict))
    }

    @Test(
        arguments: [[], [1, 0, 1], [2, 0, 1, 0, 0, 0, 0, 0], [1, 0, 6, 0, 0, 0, 0, 0]] as [[UInt8]])
    func `leaves handles of other layouts alone`(bytes: [UInt8]) throws {
        #expect(!StrictHandle.isKnownLayout(try #require(FileHandle(bytes))))
    }
}

@Suite struct TimersTests {
    @Test func `hands out what is due, the earliest first`() {
        var timers = Timers()
        var done: [Int] = []
        timers.add(due: 30) { done.append(30) }
        timers.add(due: 10) { done.append(10) }
        timers.add(due: 20) { done.append(20) }
        #expect(timers.next == 10)
        for action in timers.takeDue(now: 20) { action() }
        #expect(done == [10, 20])
        #expect(timers.next == 30)
    }
}

@Suite struct HandleTableTests {
    @Test func `uses numbers again and survives wrong ones`() {
        var table = HandleTable<String>()
        let first = table.insert("a")
        let second = table.insert("b")
        #expect(table[first] == "a" && table.count == 2)
        #expect(table.remove(first) == "a")
        #expect(table.remove(first) == nil)
        #expect(table.remove(0) == nil)
        #expect(table.remove(.max) == nil)
        #expect(table.insert("c") == first)
        #expect(table[second] == "b")
    }
}
