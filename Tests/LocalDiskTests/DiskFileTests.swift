import BlockDevice
import FUSEWire
import Glibc
import Synchronization
import Testing

@testable import LocalDisk

/// What a disk's file answers to the kernel, request by request.
@Suite struct DiskFileTests {
    private let device: CountingDevice
    private let file: DiskFile

    init() {
        device = CountingDevice(size: 1 << 20)
        file = DiskFile(
            device, appearance: .init(name: "disk", user: 7, group: 8, isWritable: true))
    }

    private func ask(_ call: FUSECall) -> FUSEReply { file.answer(call, node: DiskFile.node) }

    @Test func `the folder holds the file and nothing else`() throws {
        guard
            case .entry(let entry) = file.answer(
                .lookup(name: Array("disk".utf8)), node: FUSEWire.root)
        else { throw Unexpected() }
        let attributes = try #require(entry.attributes)
        #expect(entry.node == DiskFile.node)
        #expect(attributes.size == 1 << 20 && attributes.mode == 0o100600)
        #expect(attributes.user == 7 && attributes.group == 8)
        let other = file.answer(.lookup(name: Array("other".utf8)), node: FUSEWire.root)
        #expect(other == .failure(ENOENT))
        let new = FUSECall.mkdir(name: Array("new".utf8), mode: 0o755)
        #expect(file.answer(new, node: FUSEWire.root) == .failure(EROFS))
        guard
            case .data(let records) = file.answer(
                .readdir(offset: 2, limit: 4096), node: FUSEWire.root)
        else { throw Unexpected() }
        #expect(records.count == 32 && Array(records[24..<28]) == Array("disk".utf8))
        guard
            case .data(let end) = file.answer(
                .readdir(offset: 3, limit: 4096), node: FUSEWire.root)
        else { throw Unexpected() }
        #expect(end.isEmpty)
    }

    @Test func `an fsync is a flush, and its failure is told`() {
        #expect(ask(.fsync(dataOnly: false)) == .done)
        #expect(ask(.fsync(dataOnly: true)) == .done)
        #expect(device.flushes.load(ordering: .relaxed) == 2)
        device.failsFlush.store(true, ordering: .relaxed)
        #expect(ask(.fsync(dataOnly: true)) == .failure(EIO))
    }

    @Test func `a discard leaves zeros, and nothing beyond the end is touched`() throws {
        try device.fill(at: 0, 1 << 16, with: 5)
        #expect(ask(.fallocate(offset: 4096, length: 8192, mode: 3)) == .done)
        #expect(try device.bytes(at: 4095, 1) == [5])
        #expect(try device.bytes(at: 4096, 8192).allSatisfy { $0 == 0 })
        #expect(try device.bytes(at: 12288, 1) == [5])
        #expect(ask(.fallocate(offset: 16384, length: 4096, mode: 0x10)) == .done)
        #expect(try device.bytes(at: 16384, 4096).allSatisfy { $0 == 0 })
        #expect(ask(.fallocate(offset: 1 << 20, length: 1, mode: 3)) == .failure(EFBIG))
        #expect(ask(.fallocate(offset: .max, length: 2, mode: 3)) == .failure(EFBIG))
        #expect(ask(.fallocate(offset: 0, length: 4096, mode: 8)) == .failure(EOPNOTSUPP))
    }

    @Test func `the size of a disk stays`() throws {
        var mask = FUSESetAttributesMask.size
        #expect(ask(.setattr(try change(mask, size: 0))) == .failure(EPERM))
        guard case .attributes = ask(.setattr(try change(mask, size: 1 << 20))) else {
            throw Unexpected()
        }
        mask = .mode
        #expect(ask(.setattr(try change(mask, size: 0))) == .failure(EPERM))
    }

    private func change(_ mask: FUSESetAttributesMask, size: UInt64) throws -> FUSESetAttributes {
        let words: [UInt64] = [UInt64(mask.rawValue), 0, size] + [UInt64](repeating: 0, count: 8)
        let body = words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        guard
            case .setattr(let new) = try FUSECall(
                opcode: FUSEOpcode.setattr.rawValue, body: body[...])
        else { throw Unexpected() }
        return new
    }

    @Test func `holes are found, and data`() throws {
        try device.fill(at: 512 << 10, 4096, with: 1)
        guard case .position(let data) = ask(.lseek(offset: 0, whence: 3)) else {
            throw Unexpected()
        }
        #expect(data <= 512 << 10)
        guard case .position(let hole) = ask(.lseek(offset: 512 << 10, whence: 4)) else {
            throw Unexpected()
        }
        #expect(hole > 512 << 10 && hole <= 1 << 20)
        #expect(ask(.lseek(offset: 1 << 20, whence: 3)) == .failure(ENXIO))
        #expect(ask(.lseek(offset: 0, whence: 9)) == .failure(EINVAL))
    }

    @Test func `a disk that cannot be written opens for reading only`() {
        let file = DiskFile(
            device, appearance: .init(name: "disk", user: 0, group: 0, isWritable: false))
        #expect(
            file.answer(.open(flags: UInt32(O_RDWR)), node: DiskFile.node) == .failure(EROFS))
        let opened = file.answer(.open(flags: UInt32(O_RDONLY)), node: DiskFile.node)
        #expect(
            opened
                == .opened(handle: 0, flags: [.directIO, .noFlush, .parallelDirectWrites]))
        #expect(file.answer(.open(flags: 0), node: FUSEWire.root) == .failure(EISDIR))
    }

    private struct Unexpected: Error {}
}
