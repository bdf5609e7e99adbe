import FUSEWire
import Glibc
import Platform
import Testing

@testable import GuestCore

@Suite struct PassThroughServerTests {
    @Test func `agrees on the protocol and refuses an old one`() throws {
        let client = try FUSEClient()
        let offer = FUSEClient.integers([UInt32(7), UInt32(38), UInt32(131_072), UInt32.max])
        #expect(try client.call(.`init`, 0, offer).count == 64)
        let old = FUSEClient.integers([UInt32(7), UInt32(8), UInt32(0), UInt32(0)])
        #expect(throws: FUSEClient.Refusal(errno: EPROTO)) {
            try client.call(.`init`, 0, old)
        }
    }

    @Test func `makes, writes, reads and removes a file`() throws {
        let client = try FUSEClient()
        let file = try client.makeFile("a")
        #expect(file.mode & 0o170000 == 0o100000)
        #expect(try client.write(Array("hello".utf8), to: file.node) == 5)
        #expect(try client.write([1], to: file.node, at: 9) == 1)
        #expect(try client.read(file.node) == Array("hello".utf8) + [0, 0, 0, 0, 1])
        #expect(try client.read(file.node, at: 10).isEmpty)
        #expect(try Files.read("\(client.folder)/a").count == 10)
        try client.call(.fsync, file.node, FUSEClient.integers([UInt64(0), UInt32(1), UInt32(0)]))
        try client.call(.unlink, 1, FUSEClient.text("a"))
        #expect(try client.lookUp("a").node == 0)
        #expect(throws: FUSEClient.Refusal(errno: ESTALE)) { try client.read(file.node) }
    }

    @Test func `keeps a node through renames, also over another file`() throws {
        let client = try FUSEClient()
        let folder = try client.makeFolder("d")
        let file = try client.makeFile("a")
        let other = try client.makeFile("b", in: folder.node)
        _ = try client.write([1, 2, 3], to: file.node)
        try client.rename("a", to: "b", newParent: folder.node)
        #expect(try client.lookUp("b", in: folder.node).node == file.node)
        #expect(try client.read(file.node) == [1, 2, 3])
        #expect(throws: FUSEClient.Refusal(errno: ESTALE)) { try client.call(.getattr, other.node) }
        try client.rename("d", to: "e")
        #expect(try client.lookUp("b", in: folder.node).node == file.node)
        #expect(try client.lookUp("..", in: file.node).node == folder.node)
    }

    @Test func `finds a node by its dot, as the file server does for a handle`() throws {
        let client = try FUSEClient()
        let folder = try client.makeFolder("d")
        let again = try client.lookUp(".", in: folder.node)
        #expect((again.node, again.generation) == (folder.node, folder.generation))
        #expect(throws: FUSEClient.Refusal(errno: ESTALE)) { try client.lookUp(".", in: 999) }
    }

    @Test func `never gives a removed file's id to another with the same generation`() throws {
        let client = try FUSEClient()
        let file = try client.makeFile("a")
        try client.call(.unlink, 1, FUSEClient.text("a"))
        try client.post(.forget, file.node, FUSEClient.integers([UInt64(1)]))
        let next = try client.makeFile("b")
        #expect(next.node != file.node || next.generation != file.generation)
    }

    @Test func `shows hard links as one node`() throws {
        let client = try FUSEClient()
        let file = try client.makeFile("a")
        let body = FUSEClient.integers([file.node]) + FUSEClient.text("b")
        let link = try RevealedNode(try client.call(.link, 1, body))
        #expect((link.node, link.linkCount) == (file.node, 2))
        try client.call(.unlink, 1, FUSEClient.text("a"))
        _ = try client.write([7], to: file.node)
        #expect(try Files.read("\(client.folder)/b") == [7])
    }

    @Test func `recognizes hard links that were there before`() throws {
        let client = try FUSEClient()
        try Files.replace("\(client.folder)/a", with: [1])
        #expect(link("\(client.folder)/a", "\(client.folder)/b") == 0)
        let listed = try client.list(1, plus: true)
        let nodes = Set(listed.filter { $0.node != 0 }.map(\.node))
        #expect(nodes.count == 1)
        #expect(try client.lookUp("a").node == client.lookUp("b").node)
    }

    @Test func `carries names that are not UTF-8`() throws {
        let client = try FUSEClient()
        let name: [UInt8] = [0xff, 0x0a, 0xfe]
        let body = FUSEClient.integers([UInt32(0o100644), UInt32(0), UInt32(0), UInt32(0)])
        let file = try RevealedNode(try client.call(.mknod, 1, body + name + [0]))
        #expect(try client.lookUp(name).node == file.node)
        #expect(try client.list(1).contains { $0.name == name })
    }

    @Test func `refuses names past 255 bytes`() throws {
        let client = try FUSEClient()
        let name = String(repeating: "x", count: 256)
        #expect(throws: FUSEClient.Refusal(errno: ENAMETOOLONG)) { try client.lookUp(name) }
        #expect(throws: FUSEClient.Refusal(errno: ENAMETOOLONG)) { try client.makeFile(name) }
    }

    @Test func `reaches below the longest path of a system call`() throws {
        let client = try FUSEClient()
        var parent: UInt64 = 1
        for number in 0..<50 {
            let name = "\(number)-" + String(repeating: "x", count: 200)
            parent = try client.makeFolder(name, in: parent).node
        }
        let file = try client.makeFile("deep", in: parent)
        _ = try client.write([5], to: file.node)
        #expect(try client.read(file.node) == [5])
        #expect(try client.lookUp("deep", in: parent).node == file.node)
        #expect(try client.list(parent).map(\.name).contains(Array("deep".utf8)))
    }

    @Test func `sets size, mode and times`() throws {
        let client = try FUSEClient()
        let file = try client.makeFile("a")
        _ = try client.write([1, 2, 3], to: file.node)
        let body = FUSEClient.integers([
            UInt32(0x29), UInt32(0), UInt64(0), UInt64(2), UInt64(0), UInt64(0), UInt64(12_345),
            UInt64(0), UInt32(0), UInt32(678), UInt32(0), UInt32(0o100600), UInt32(0), UInt32(0),
            UInt32(0), UInt32(0),
        ])
        try client.call(.setattr, file.node, body)
        let status = try Files.status("\(client.folder)/a")
        #expect((status.size, status.mode) == (2, 0o600))
        #expect(status.modifiedNanoseconds == 12_345_000_000_678)
    }

    @Test func `makes and reads symbolic links without following them`() throws {
        let client = try FUSEClient()
        let link = try RevealedNode(
            try client.call(.symlink, 1, FUSEClient.text("l") + [0x2f, 0xff, 0]))
        #expect(link.mode & 0o170000 == 0o120000)
        #expect(try client.call(.readlink, link.node) == [0x2f, 0xff])
        #expect(throws: FUSEClient.Refusal.self) { try client.read(link.node) }
    }

    @Test func `describes the file system`() throws {
        #expect(try FUSEClient().call(.statfs, 1).count == 80)
    }

    @Test func `survives requests that make no sense`() throws {
        let client = try FUSEClient()
        #expect(throws: FUSEClient.Refusal(errno: EPROTO)) { try client.call(.lookup, 1, [97]) }
        #expect(throws: FUSEClient.Refusal(errno: EPROTO)) { try client.call(.read, 1, [1]) }
        #expect(throws: FUSEClient.Refusal(errno: ENOSYS)) {
            try client.call(.open, 1, FUSEClient.integers([UInt32(0), UInt32(0)]))
        }
        #expect(throws: FUSEClient.Refusal(errno: ESTALE)) { try client.call(.getattr, 77) }
        #expect(throws: FUSEClient.Refusal(errno: EINVAL)) {
            let body = FUSEClient.integers([UInt64(1), UInt32(2), UInt32(0)])
            try client.call(.rename2, 1, body + FUSEClient.text("a") + FUSEClient.text("b"))
        }
        #expect(try client.call(.getattr, 1).count == 104)
    }

    @Test func `keeps a read-only file system as it is`() throws {
        let client = try FUSEClient(isReadOnly: true)
        try Files.replace("\(client.folder)/a", with: [1])
        let file = try client.lookUp("a")
        #expect(try client.read(file.node) == [1])
        #expect(throws: FUSEClient.Refusal.self) { try client.write([2], to: file.node) }
        #expect(try Files.read("\(client.folder)/a") == [1])
    }
}

@Suite struct PassThroughListingTests {
    @Test func `lists every name once, in pieces`() throws {
        let client = try FUSEClient()
        for number in 0..<300 { _ = try client.makeFile("file-\(number)") }
        for plus in [false, true] {
            var names: [[UInt8]] = []
            var offset: UInt64 = 0
            while true {
                let piece = try client.list(1, from: offset, limit: 1024, plus: plus)
                guard let last = piece.last else { break }
                names += piece.map(\.name)
                offset = last.cookie
            }
            #expect(names.count == 302)
            #expect(Set(names).count == 302)
        }
    }

    @Test func `goes on behind what was removed while listing`() throws {
        let client = try FUSEClient()
        for number in 0..<100 { _ = try client.makeFile("file-\(number)") }
        var removed = 0
        var offset: UInt64 = 0
        while true {
            let piece = try client.list(1, from: offset, limit: 512)
            guard let last = piece.last else { break }
            for name in piece.map(\.name) where name.count > 2 {
                try client.call(.unlink, 1, name + [0])
                removed += 1
            }
            offset = last.cookie
        }
        #expect(removed == 100)
        #expect(try Files.list(client.folder).isEmpty)
    }

    @Test func `gives every file its own number where the file system does not`() throws {
        let client = try FUSEClient(driver: "exfat")
        let file = try client.makeFile("a")
        #expect(file.inode == file.node)
        #expect(
            try client.list(1).first { $0.name == Array("a".utf8) }?.inode == file.node)
        let second = try client.lookUp("a")
        #expect(second.node == file.node)
        #expect(throws: FUSEClient.Refusal(errno: ENOENT)) { try client.lookUp("absent") }
    }
}
