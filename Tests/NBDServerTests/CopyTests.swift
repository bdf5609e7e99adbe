import BlockDevice
import FileSystemLab
import Platform
import Testing

@testable import NBDServer

/// nbdcopy, QEMU and fio move data through the server; what arrives is compared.
@Suite(.serialized) struct CopyTests {
    /// A file of random data with holes.
    private func image(_ folder: Scratch, mib: Int) throws -> String {
        let path = folder.path + "/image"
        let script = """
            truncate -s $(($2 << 20)) "$1"
            for at in 0 3 $(($2 - 1)); do
                dd if=/dev/urandom of="$1" bs=1M count=1 seek=$at conv=notrunc status=none
            done
            """
        try Command.shell(script, [path, "\(mib)"])
        return path
    }

    private static let onLoop: BlockCapabilities = [
        .write, .extents, .trim, .immediateReads, .immediateWrites, .fastZeroes,
    ]

    @Test(arguments: [onLoop, [.write, .extents]])
    func `nbdcopy copies there and back`(capabilities: BlockCapabilities) throws {
        let disk = TestDisk(size: 16 << 20, capabilities: capabilities)
        let served = try Served(disk)
        let image = try image(served.folder, mib: 16)
        let back = served.folder.path + "/back"
        try Command.require("nbdcopy", ["--flush", image, served.uri])
        try Command.require("nbdcopy", ["-C", "4", served.uri, back])
        try Command.require("cmp", [image, back])
        #expect(disk.counts.flushes > 0)
    }

    @Test func `requests of 32 MiB are served`() throws {
        let disk = TestDisk(size: 64 << 20)
        let served = try Served(disk)
        let image = try image(served.folder, mib: 64)
        let size = "--request-size=33554432"
        try Command.require("nbdcopy", [size, image, served.uri])
        let back = served.folder.path + "/back"
        try Command.require("nbdcopy", [size, served.uri, back])
        try Command.require("cmp", [image, back])
    }

    @Test func `qemu-img converts, compares and maps`() throws {
        let disk = TestDisk(size: 16 << 20, capabilities: Self.onLoop)
        let served = try Served(disk)
        let image = try image(served.folder, mib: 16)
        try Command.require(
            "qemu-img", ["convert", "-n", "-f", "raw", "-O", "raw", image, served.uri])
        try Command.require(
            "qemu-img", ["compare", "-f", "raw", "-F", "raw", image, served.uri])
        let map = try Command.require(
            "qemu-img", ["map", "--output=json", "-f", "raw", served.uri])
        #expect(map.stdout.contains("\"start\": 1048576, \"length\": 2097152"))
        let copy = served.folder.path + "/copy.qcow2"
        try Command.require(
            "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", served.uri, copy])
        try Command.require("qemu-img", ["check", copy])
        try Command.require("qemu-img", ["compare", "-F", "raw", copy, served.uri])
    }

    @Test func `a qcow2 image lives on the export`() throws {
        let served = try Served(TestDisk(size: 16 << 20, capabilities: Self.onLoop))
        try Command.require("qemu-img", ["create", "-f", "qcow2", served.uri, "8M"])
        let commands = ["write -P 0x5a 1M 2M", "write -z 2M 64k", "discard 3M 64k", "flush"]
        try Command.require(
            "qemu-io", ["-f", "qcow2"] + commands.flatMap { ["-c", $0] } + [served.uri])
        let read = try Command.require(
            "qemu-io",
            ["-f", "qcow2", "-c", "read -P 0x5a 1M 1M", "-c", "read -P 0 2M 64k", served.uri])
        #expect(!read.stdout.contains("Pattern verification failed"))
        let check = try Command.require("qemu-img", ["check", "-f", "qcow2", served.uri])
        #expect(check.stdout.contains("No errors"))
    }

    @Test(arguments: [onLoop, [.write]])
    func `fio verifies what it wrote over four connections`(
        capabilities: BlockCapabilities
    ) throws {
        let disk = TestDisk(size: 32 << 20, capabilities: capabilities)
        let served = try Served(disk)
        let words = [
            "--name=verify", "--ioengine=nbd", "--uri=\(served.uri)", "--rw=randwrite",
            "--bsrange=512-128k", "--blockalign=512", "--iodepth=32", "--numjobs=4", "--thread",
            "--size=8M", "--offset_increment=8M", "--verify=crc32c", "--verify_fatal=1",
            "--verify_state_save=0", "--randseed=7", "--output-format=terse",
        ]
        try Command.require("fio", words)
        #expect(disk.counts.writes > 100)
    }
}
