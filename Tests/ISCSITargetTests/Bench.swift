import BlockDevice
import NIOCore
import NIOPosix
import Platform
import SCSITarget

@testable import ISCSITarget

/// A server on loopback with one disk, at one logical unit or several, for one test.
final class Bench {
    static let iqn = "iqn.2026-11.test.causeway:disk"

    let disk: MemoryDisk
    let server: ISCSIServer
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let pool = NIOThreadPool(numberOfThreads: 4)
    let port: Int

    init(
        disk: MemoryDisk = MemoryDisk(), isRemovable: Bool = false, isReadOnly: Bool = false,
        units: Int = 1, _ change: (inout ISCSIServerConfiguration) -> Void = { _ in }
    ) throws {
        self.disk = disk
        let device = SCSITarget(name: Self.iqn)
        for number in 0..<units {
            var unit = SCSIUnitConfiguration(device: disk, identity: "bench\(number)")
            (unit.isRemovable, unit.isReadOnly) = (isRemovable, isReadOnly)
            try device.add(unit, lun: SCSITarget.lun(number))
        }
        var configuration = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(name: Self.iqn, alias: "bench", device: device)
        ])
        change(&configuration)
        pool.start()
        server = ISCSIServer(configuration: configuration, group: group, pool: pool)
        try server.start(on: [.address("127.0.0.1", port: 0)])
        port = server.addresses[0].port ?? 0
    }

    deinit {
        disk.open()
        server.stop(graceMilliseconds: 0)
        _ = try? pool.syncShutdownGracefully()
        _ = try? group.syncShutdownGracefully()
    }

    /// The URL that libiscsi's tools take.
    func url(_ login: String = "", lun: Int = 0, _ options: String = "") -> String {
        "iscsi://\(login)127.0.0.1:\(port)/\(Self.iqn)/\(lun)\(options)"
    }
}

/// Whether a condition holds within a minute.
func comesTrue(_ condition: () -> Bool) -> Bool {
    let deadline = Clock.milliseconds() + 60_000
    while !condition() {
        if Clock.milliseconds() > deadline { return false }
        _ = try? Descriptors.poll([], milliseconds: 10)
    }
    return true
}

/// Programs of other people.
enum Tool {
    /// Runs a program; returns its exit code, nil where it was killed, and what it printed.
    static func run(
        _ path: String, _ arguments: [String], milliseconds: Int32 = 300_000
    ) throws -> (code: Int32?, text: String) {
        let result = try ChildProcess.run(
            SpawnOptions(path: path, arguments: arguments, diesWithParent: true),
            mergeErrors: true, milliseconds: milliseconds)
        let text = String(decoding: result.output, as: UTF8.self)
        guard case .exited(let code) = result.end else { return (nil, text) }
        return (code, text)
    }
}
