import Glibc
import Platform

/// Every kind of change that applications make, done the same way in any folder.
///
/// Done on a mounted folder and on a plain one, it leaves the same content, which is how the
/// mounted one is judged.
public struct WriteWork {
    private let root: RawPath
    private let traits: Traits

    /// Works below `folder`, within what these traits allow.
    public init(in folder: String, traits: Traits) {
        root = RawPath(folder)
        self.traits = traits
    }

    /// Does everything; throws at the first call that fails.
    public func perform() throws {
        try root.appending("work").makeFolder()
        try createAndOverwrite()
        try appendAndTruncate()
        try renames()
        try links()
        try names()
        try deletions()
        try attributes()
        try sparseAndMapped()
        try changeWhatWasThere()
    }

    private func path(_ name: String) -> RawPath { root.appending("work/\(name)") }

    private func content(_ seed: UInt64, _ size: Int) -> [UInt8] {
        Content(size: size, seed: seed).bytes
    }

    private func createAndOverwrite() throws {
        try path("many").makeFolder()
        for index in 0..<120 {
            try path("many/\(index)").write(content(UInt64(index) + 100, (index * 617) % 20_000))
        }
        for index in stride(from: 0, to: 120, by: 3) {
            try path("many/\(index)").write(content(UInt64(index) + 500, (index * 311) % 9000))
        }
        for index in stride(from: 1, to: 120, by: 3) {
            try path("many/\(index)").write(content(7, 100), at: UInt64(index * 40))
        }
        try path("large").write(content(3, 2_500_000))
        try path("large").write(content(4, 700_001), at: 1_234_567)
    }

    private func appendAndTruncate() throws {
        let log = path("log")
        try log.write([])
        for index in 0..<200 { try log.append(Array("entry \(index)\n".utf8)) }
        try path("shorter").write(content(11, 50_000))
        try path("shorter").truncate(to: 12_345)
        try path("longer").write(content(12, 100))
        try path("longer").truncate(to: 40_000)
        try path("regrown").write(content(13, 30_000))
        try path("regrown").truncate(to: 5)
        try path("regrown").truncate(to: 30_000)
        try path("emptied").write(content(14, 30_000))
        try path("emptied").write([])
        // Two open files on one, each appending.
        let first = try log.open([.writeOnly, .append])
        let second = try log.open([.writeOnly, .append])
        for index in 0..<20 {
            try Files.writeAll(Array("a\(index)".utf8), to: first.raw)
            try Files.writeAll(Array("b\(index)".utf8), to: second.raw)
        }
        try Files.sync(first)
    }

    private func renames() throws {
        try path("target").write(content(21, 1000))
        try path("source").write(content(22, 2000))
        try path("source").rename(to: path("target"))
        try path("folder").makeFolder()
        try path("folder/inner").makeFolder()
        try path("folder/inner/file").write(content(23, 3000))
        try path("folder").rename(to: path("moved"))
        try path("elsewhere").makeFolder()
        try path("moved/inner/file").rename(to: path("elsewhere/renamed"))
        try path("empty-target").makeFolder()
        try path("elsewhere").rename(to: path("empty-target"))
        try path("renamed-while-open").write(content(24, 10))
        let open = try path("renamed-while-open").open([.readWrite])
        try path("renamed-while-open").rename(to: path("renamed-open"))
        try Files.writeAll(content(25, 5000), to: open.raw)
    }

    private func links() throws {
        try path("links").makeFolder()
        try path("links/file").write(content(31, 4000))
        if traits.hardLinks {
            try path("links/second").makeHardLink(to: path("links/file"))
            try path("links/gone").makeHardLink(to: path("links/file"))
            try path("links/gone").remove()
            try path("links/third").write(content(32, 10))
            try path("links/third").remove()
            try path("links/third").makeHardLink(to: path("links/second"))
            try path("links/second").append(content(33, 77))
        }
        if traits.symlinks {
            try path("links/symbolic").makeLink(to: Array("file".utf8))
            try path("links/old").makeLink(to: Array("nowhere".utf8))
            try path("links/old").remove()
            try path("links/old").makeLink(to: Array("../many/5".utf8))
            try path("links/moved").makeLink(to: Array("../target".utf8))
            try path("links/moved").rename(to: path("links/moved-link"))
            let long = [UInt8](repeating: UInt8(ascii: "t"), count: min(traits.targetBytes, 200))
            try path("links/long").makeLink(to: long)
        }
        if traits.pipes { try path("links/pipe").makePipe() }
    }

    private func names() throws {
        try path("names").makeFolder()
        let folder = path("names")
        for (index, name) in TreePlan.names(traits).enumerated() {
            try folder.appending(name).write(content(UInt64(index) + 40, 64))
        }
        let all = TreePlan.names(traits)
        if let last = all.last, all.count > 2 {
            try folder.appending(last).rename(to: path("renamed-from-awkward"))
            try folder.appending(all[1]).remove()
            try path("to-awkward").write(content(41, 9))
            try path("to-awkward").rename(to: folder.appending(all[1]))
        }
    }

    private func deletions() throws {
        try path("tree").makeFolder()
        for outer in 0..<5 {
            try path("tree/\(outer)").makeFolder()
            for inner in 0..<20 {
                try path("tree/\(outer)/\(inner)").write(content(51, inner * 99))
            }
        }
        for outer in 0..<4 {
            for inner in 0..<20 { try path("tree/\(outer)/\(inner)").remove() }
            try path("tree/\(outer)").removeFolder()
        }
        // A file that is removed while open goes on working.
        try path("removed-while-open").write(content(52, 5000))
        let open = try path("removed-while-open").open([.readWrite])
        try path("removed-while-open").remove()
        try Files.writeAll(content(53, 3000), to: open.raw)
        let back = try Files.read(open, at: 0, count: 3000)
        guard back == content(53, 3000) else {
            throw LabError("an open removed file lost its data")
        }
    }

    private func attributes() throws {
        try path("modes").makeFolder()
        for mode: mode_t in [0o400, 0o600, 0o644, 0o755, 0o4755, 0o2750, 0o1644] {
            let file = path("modes/\(String(mode, radix: 8))")
            try file.write(content(UInt64(mode), 20))
            if traits.modes == .exact { try file.setMode(mode) }
        }
        try path("times").makeFolder()
        let moments: [Int64] = [
            traits.timeRange.lowerBound, 315_532_802, 1_000_000_000, 1_700_000_000,
            min(traits.timeRange.upperBound, 2_147_483_646),
        ]
        for (index, seconds) in moments.enumerated() where traits.timeRange.contains(seconds) {
            let file = path("times/\(index)")
            try file.write(content(UInt64(index) + 60, 20))
            let moment = seconds * 1_000_000_000 + Int64(index) * 123_456_789
            try file.setTimes(nanoseconds: traits.kept(nanoseconds: moment))
        }
    }

    private func sparseAndMapped() throws {
        let offset: UInt64 = traits.profile == .standard ? 6 << 20 : 1 << 20
        try path("sparse").write(content(71, 4000))
        try path("sparse").write(content(72, 4000), at: offset)
        try path("mapped").write(content(73, 20_000))
        let file = try path("mapped").open([.readWrite])
        let length = 20_000
        guard let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.raw, 0),
            memory != MAP_FAILED
        else { throw SystemError(errno: errno, call: "mmap") }
        let new = content(74, 9000)
        new.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: memory + 5000, count: 9000).copyMemory(from: $0)
        }
        guard msync(memory, length, MS_SYNC) == 0, munmap(memory, length) == 0 else {
            throw SystemError(errno: errno, call: "msync")
        }
    }

    /// Changes files that were on the image before.
    private func changeWhatWasThere() throws {
        try root.appending("big/text").append(content(81, 5000))
        try root.appending("big/noise").write(content(82, 5000), at: 100_000)
        try root.appending("big/zeros").remove()
        try root.appending("crowd/entry-0").rename(to: root.appending("crowd/entry-1"))
        for index in 2..<40 { try root.appending("crowd/entry-\(index)").remove() }
        try root.appending("deep/level0").rename(to: root.appending("work/level0"))
    }

    /// Gives everything that was changed a time that both folders can be compared by.
    public func settleTimes() throws {
        for folder in ["work", "big", "crowd"] {
            let found = try Command.run(
                "find",
                [
                    root.appending(folder).description, "-type", "f", "-newermt", "2020-01-01",
                    "-not", "-path", "*/times/*", "-print0",
                ])
            guard found.isSuccess else { throw LabError("\(found)") }
            for name in found.output.split(separator: 0) {
                try RawPath(Array(name)).setTimes(nanoseconds: 1_234_567_890_000_000_000)
            }
        }
    }
}
