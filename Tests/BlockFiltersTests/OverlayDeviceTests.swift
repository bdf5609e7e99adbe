import BlockDevice
import BlockDevices
import BlockFilters
import Platform
import FileSystemLab
import Testing

@Suite struct OverlayDeviceTests {
    private let size: UInt64 = 3 << 20

    private func store(_ size: UInt64? = nil) throws -> MemoryDevice {
        Memory.losingPower(try OverlayDevice.storeSize(for: size ?? self.size))
    }

    @Test func `what was written is there when it is opened again, and nowhere else`() throws {
        let base = try Memory.filled(size)
        let before = try Memory.read(base, 0, Int(size))
        let store = try store()
        let first = try OverlayDevice(over: base, in: store)
        try Memory.write(first, 100_001, [1, 2, 3])
        try first.flush()
        let second = try OverlayDevice(over: base, in: store)
        #expect(second.heldBytes == 4096)
        var wanted = before
        wanted.replaceSubrange(100_001..<100_004, with: [1, 2, 3])
        #expect(try Memory.read(second, 0, Int(size)) == wanted)
        #expect(try Memory.read(base, 0, Int(size)) == before)
    }

    @Test func `a commit moves the changes down, zeros as holes`() throws {
        let base = try Memory.filled(size)
        let overlay = try OverlayDevice(over: base, in: try store())
        try Memory.write(overlay, 5000, [UInt8](repeating: 6, count: 100_000))
        try overlay.writeZeroes(BlockRange(offset: 1 << 20, length: 1 << 20), options: .mayTrim)
        let wanted = try Memory.read(overlay, 0, Int(size))
        var last: OverlayDevice.Progress?
        try overlay.commit(into: base) { last = $0 }
        let progress = try #require(last)
        #expect(progress.done == progress.total && progress.total > 1 << 20)
        #expect(overlay.heldBytes == 0)
        #expect(try Memory.read(base, 0, Int(size)) == wanted)
        #expect(try Memory.read(overlay, 0, Int(size)) == wanted)
        #expect(
            try base.extents(in: BlockRange(offset: 1 << 20, length: 1 << 20), limit: 1) == [
                .hole(1 << 20)
            ])
    }

    @Test func `a commit that fails can be run again`() throws {
        let base = try Memory.filled(size)
        let store = try store()
        let overlay = try OverlayDevice(over: base, in: store)
        try Memory.write(overlay, 0, [UInt8](repeating: 6, count: 2 << 20))
        try overlay.flush()
        let wanted = try Memory.read(overlay, 0, Int(size))
        let broken = FaultDevice(
            base, rules: [FaultRule(.write, .from(2), .fail(.gone("pulled out")))], seed: 0)
        #expect(throws: OverlayError.device(.gone("pulled out"))) {
            try overlay.commit(into: broken)
        }
        #expect(try Memory.read(overlay, 0, Int(size)) == wanted)
        let again = try OverlayDevice(over: base, in: store)
        try again.commit(into: base)
        #expect(try Memory.read(base, 0, Int(size)) == wanted)
        #expect(try OverlayDevice(over: base, in: store).heldBytes == 0)
    }

    @Test func `a discard leaves what is below`() throws {
        let base = try Memory.filled(size)
        let before = try Memory.read(base, 0, Int(size))
        let store = try store()
        let overlay = try OverlayDevice(over: base, in: store)
        try Memory.write(overlay, 0, [UInt8](repeating: 6, count: 2 << 20))
        try overlay.flush()
        try overlay.discard()
        #expect(try Memory.read(overlay, 0, Int(size)) == before)
        store.crash()
        let again = try OverlayDevice(over: base, in: store)
        #expect(again.heldBytes == 0)
        // What the store still holds from before must not come back with a new cluster.
        try Memory.write(again, 10_000, [1])
        var wanted = before
        wanted[10_000] = 1
        #expect(try Memory.read(again, 0, Int(size)) == wanted)
    }

    @Test func `a store with anything else in it is left alone`() throws {
        let base = try Memory.filled(size)
        let store = try Memory.filled(try OverlayDevice.storeSize(for: size))
        let before = try Memory.read(store, 0, 1 << 20)
        #expect(throws: OverlayError.foreign) { try OverlayDevice(over: base, in: store) }
        #expect(try Memory.read(store, 0, 1 << 20) == before)
    }

    @Test func `an overlay of another disk, or a damaged one, is refused`() throws {
        let store = try store()
        _ = try OverlayDevice(over: try Memory.filled(size), in: store)
        #expect(throws: OverlayError.otherDisk(size: size, expected: size - 512)) {
            try OverlayDevice(over: try Memory.filled(size - 512), in: store)
        }
        let base = try Memory.filled(size)
        for offset in [UInt64(8), 12, 24, 32, 40, 511] {
            let byte = try Memory.read(store, offset, 1)
            try Memory.write(store, offset, [byte[0] ^ 0x40])
            #expect(throws: OverlayError.self, "byte \(offset)") {
                try OverlayDevice(over: base, in: store)
            }
            try Memory.write(store, offset, byte)
        }
        // A bit for a cluster past the end of the disk.
        try Memory.write(store, 4096 + size / 4096 / 8, [1])
        #expect(throws: OverlayError.damaged("bitmap")) {
            try OverlayDevice(over: base, in: store)
        }
    }

    @Test func `a store that is too small is refused`() throws {
        let base = try Memory.filled(size)
        let needed = try OverlayDevice.storeSize(for: size)
        #expect(throws: OverlayError.storeTooSmall(needed - 1, needed: needed)) {
            try OverlayDevice(over: base, in: MemoryDevice(size: needed - 1))
        }
        #expect(throws: OverlayError.diskSize(0)) {
            try OverlayDevice(over: MemoryDevice(size: 0), in: MemoryDevice(size: needed))
        }
        #expect(throws: OverlayError.diskSize((64 << 40) + 1)) {
            try OverlayDevice.storeSize(for: (64 << 40) + 1)
        }
    }

    @Test func `a large disk has larger clusters and a bounded bitmap`() throws {
        let size: UInt64 = 64 << 40
        let base = MemoryDevice(size: size)
        let store = try store(size)
        let overlay = try OverlayDevice(over: base, in: store)
        #expect(overlay.properties.physicalBlockSize == 256 << 10)
        try Memory.write(overlay, size - 3, [1, 2, 3])
        try overlay.flush()
        let again = try OverlayDevice(over: base, in: store)
        #expect(try Memory.read(again, size - 4, 4) == [0, 1, 2, 3])
        #expect(again.heldBytes == 256 << 10)
    }

    @Test func `a flush that fails is made up for by the next one`() throws {
        let base = try Memory.filled(size)
        let store = try store()
        let faults = FaultDevice(store, seed: 0)
        let overlay = try OverlayDevice(over: base, in: faults)
        // The first flush makes the data durable; the second one makes the map durable.
        for failing in [UInt64(1), 2] {
            try Memory.write(overlay, failing * 100_000, [UInt8(failing)])
            faults.setRules([
                FaultRule(.flush, .only(failing), .fail(.gone("once")))
            ])
            #expect(throws: BlockError.gone("once")) { try overlay.flush() }
            try overlay.flush()
            store.crash()
            let again = try OverlayDevice(over: base, in: store)
            #expect(try Memory.read(again, failing * 100_000, 1) == [UInt8(failing)])
        }
    }

    @Test func `QEMU finds the same disk in base and overlay as in what was committed`() throws {
        let folder = try Scratch()
        let image = try folder.file("base", size: size)
        let base = try FileDevice(path: image, options: .init(isWritable: true))
        try Memory.write(base, 70_000, [UInt8](repeating: 5, count: 300_000))
        try base.flush()
        let copy = "\(folder.path)/copy"
        try Command.require("qemu-img", ["convert", "-f", "raw", "-O", "raw", image, copy])
        let store = try FileDevice(
            path: try folder.file("store", size: try OverlayDevice.storeSize(for: size)),
            options: .init(isWritable: true))
        let overlay = try OverlayDevice(over: base, in: store)
        // The same writes by QEMU into a copy, and by us into the overlay.
        let writes: [(UInt64, Int, UInt8)] = [
            (0, 512, 1), (69_632, 1536, 2), (1 << 20, 200_192, 3), ((3 << 20) - 512, 512, 4),
        ]
        for (offset, count, stamp) in writes {
            try Memory.write(overlay, offset, [UInt8](repeating: stamp, count: count))
            try Command.require(
                "qemu-io", ["-f", "raw", "-c", "write -P \(stamp) \(offset) \(count)", copy])
        }
        try overlay.flush()
        try overlay.commit(into: base)
        try Command.require("qemu-img", ["compare", "-f", "raw", "-F", "raw", image, copy])
        #expect(try Files.allocated("\(folder.path)/store") < 128 << 10)
    }
}
