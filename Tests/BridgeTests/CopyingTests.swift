import CFUSE
import Glibc
import GuestWire
import NFSWire
import Testing

@testable import Bridge

/// What is shown where a hostile image is to be copied, perhaps by root.
@Suite struct CopyingTests {
    private static let copying = BridgeOptions(
        user: 0, group: 0, faithful: true, readOnly: false, isForCopying: true)

    private func mode(_ attributes: [UInt8], _ options: BridgeOptions) throws -> fuse_attr {
        let bench = try Bench(options: options)
        bench.guest.handlers[3] = { _ in FakeServer.found(Bench.handle(1), attributes) }
        return try bench.ask(FUSE_LOOKUP, Bench.name("a")).value(fuse_entry_out.self).attr
    }

    @Test(arguments: [(1, UInt32(S_IFREG)), (2, UInt32(S_IFDIR))] as [(UInt32, UInt32)])
    func `nothing has set-user, set-group and sticky bits`(type: UInt32, kind: UInt32) throws {
        let attributes = FakeServer.attributes(type: type, mode: 0o7751)
        #expect(try mode(attributes, Self.copying).mode == kind | 0o751)
        var plain = Self.copying
        plain.isForCopying = false
        #expect(try mode(attributes, plain).mode == kind | 0o7751)
    }

    @Test(arguments: [3, 4] as [UInt32])
    func `a device is a socket and has no number`(type: UInt32) throws {
        // fattr3: specdata follows type, mode, links, user, group, size and used.
        var attributes = FakeServer.attributes(type: type)
        attributes[39] = 8
        attributes[43] = 1
        let shown = try mode(attributes, Self.copying)
        #expect(shown.mode == UInt32(S_IFSOCK) | 0o644 && shown.rdev == 0)
        let plain = try mode(attributes, BridgeOptions(user: 0, group: 0, readOnly: false))
        #expect(plain.mode & UInt32(S_IFMT) != UInt32(S_IFSOCK) && plain.rdev == 0x801)
    }

    @Test func `a listing calls a device a socket as well`() throws {
        let bench = try Bench(options: Self.copying)
        bench.guest.handlers[17] = { _ in
            FakeServer.listedPlus([
                ("sda", 1, FakeServer.attributes(type: 3, mode: 0o660)),
                ("su", 2, FakeServer.attributes(mode: 0o4755)),
            ])
        }
        let folder = try bench.ask(FUSE_OPENDIR, Bench.bytes(fuse_open_in()))
            .value(fuse_open_out.self).fh
        let input = fuse_read_in(
            fh: folder, offset: 0, size: 4096, read_flags: 0, lock_owner: 0, flags: 0, padding: 0)
        let told = try Told.all(in: bench.ask(FUSE_READDIRPLUS, Bench.bytes(input)).bytes)
        #expect(told.map(\.kind) == [UInt32(DT_SOCK), UInt32(DT_REG)])
    }

    @Test func `files have no capabilities`() throws {
        let bench = try Bench(options: Self.copying)
        let node = try bench.lookUp("a", handle: 1)
        bench.agent.answer = { _ in .data(Array("security.capability\0user.a\0".utf8)) }
        let input = Bench.bytes(fuse_getxattr_in(size: 100, padding: 0))
        let name = Bench.name("security.capability")
        let one = try bench.ask(FUSE_GETXATTR, node: node, input + name)
        #expect(one.errno == EOPNOTSUPP && bench.agent.requests.isEmpty)
        let list = try bench.ask(FUSE_LISTXATTR, node: node, input)
        #expect(list.bytes == Array("user.a\0".utf8))
    }

    @Test func `the session tells the bridge`() throws {
        let message = BridgeMessage.serve([], Self.copying)
        #expect(try BridgeMessage(message.encoded) == message)
    }
}
