import BlockFilters
import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// Crash replay: another computer's kernel works on file systems that are exported with --record;
/// then disks as a crash may have left them are mounted and checked.
@Suite(.tags(.system), .serialized) struct CrashTests {
    /// A file system, and how it is made on a part of its disk.
    private struct Subject {
        let name: String
        let mebibytes: UInt64
        /// The command that makes it on `$device` with `$size` bytes.
        let make: String

        var place: UInt64 { mebibytes << 20 }
    }

    private static let subjects = [
        Subject(name: "ext4", mebibytes: 64, make: "mkfs.ext4 -q $device $((size / 1024))k"),
        Subject(name: "xfs", mebibytes: 320, make: "mkfs.xfs -q -d size=$size $device"),
        Subject(name: "btrfs", mebibytes: 160, make: "mkfs.btrfs -q -b $size $device"),
    ]

    /// How many steps of the workload, and how many crashes between flushes and after them; in
    /// full, one after every flush.
    private static let steps = Settings.isFull ? 200 : 40
    private static let between = Settings.rounds(8, full: 100)
    private static let after = Settings.isFull ? .max : between

    @Test func `after any crash the journal repairs everything, and what was synced is there`()
        throws
    {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            try Self.record(causeway, network)
            var total = 0
            for (seed, subject) in Self.subjects.enumerated() {
                let folder = "\(causeway.folder)/states-\(subject.name)"
                try Files.makeDirectories(folder)
                let states = try CrashStates(
                    record: "\(causeway.folder)/\(subject.name).log", place: subject.place,
                    after: Self.after, between: Self.between, in: folder)
                print("\(subject.name): \(states.words)")
                try states.batches(of: ClientGuest.diskLimit) { batch in
                    try Self.check(batch, of: subject, seed: seed + 1, network)
                    total += batch.count
                }
            }
            #expect(total > Self.subjects.count * 8)
        }
    }

    /// Has a guest work on all file systems at once, and records it.
    private static func record(_ causeway: Causeway, _ network: GuestNetwork) throws {
        let keys = try NBDKeys(in: causeway.folder)
        var sessions: [String] = []
        for (number, subject) in subjects.enumerated() {
            let image = "\(causeway.folder)/\(subject.name).img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: subject.place + CrashLoad.room)
            let options = [
                "--nbd", "--write", "--record", "\(causeway.folder)/\(subject.name).log",
                "--listen", "\(GuestNetwork.hostAddress):\(10809 + number)",
            ]
            sessions.append(
                try causeway.export(image, options + keys.options, in: network).session)
        }
        let jobs = subjects.enumerated().map { number, subject in
            """
            (
                device=/dev/nbd\(number) size=\(subject.place)
                attach \(subject.name).img \(10809 + number) $device
                \(subject.make)
                mkdir /mnt/\(subject.name)
                mount $device /mnt/\(subject.name)
                python3 "$1" $device /mnt/\(subject.name) $size \(steps) \(number + 1)
                umount /mnt/\(subject.name)
                nbd-client -d $device
            ) &
            jobs="$jobs $!"

            """
        }
        let program = "\(causeway.folder)/work.py"
        try RawPath(program).write(Array(CrashLoad.work.utf8))
        let guest = ClientGuest(in: network, modules: ["nbd"] + subjects.map(\.name))
        try guest.require(
            keys.functions + "jobs=\n" + jobs.joined() + "for job in $jobs; do wait $job; done",
            [program], seconds: 300)
        for session in sessions { try causeway.unmount(session) }
    }

    /// Has a guest's kernel replay the journals and compare; then the checkers look at the disks.
    private static func check(
        _ batch: [CrashStates.State], of subject: Subject, seed: Int, _ network: GuestNetwork
    ) throws {
        let folder = try Scratch("check")
        let lines = batch.enumerated().map { number, state in
            let device = ClientGuest.device(number)
            return "\(device) \(subject.name) \(seed) \(state.acknowledged) \(steps)\n"
        }
        // The first disk again, as if a step were promised that it cannot have: the check can fail.
        let first = batch[0]
        let control = min(first.acknowledged + 2, steps)
        let wrong = "\(ClientGuest.device(0)) \(subject.name) \(seed) \(control) \(steps)\n"
        try RawPath("\(folder.path)/list").write(Array((lines + [wrong]).joined().utf8))
        try RawPath("\(folder.path)/check.py").write(Array(CrashLoad.check.utf8))
        var guest = ClientGuest(in: network, modules: [subject.name])
        guest.disks = batch.map(\.path)
        let said = try guest.require(
            "python3 \"$1/check.py\" \"$1/list\"", [folder.path], seconds: 580)
        let answers = said.split(separator: "\n").map(String.init)
        if control == first.acknowledged + 2 {
            #expect(answers.last?.hasPrefix("bad \(ClientGuest.device(0))") == true, "\(said)")
        }
        for (number, state) in batch.enumerated() {
            let device = ClientGuest.device(number)
            let isGood = answers.contains("ok \(device)")
            let why = answers.first { $0.contains("\(device) ") } ?? "no word"
            #expect(isGood, "\(subject.name), \(state.words): \(why)")
            if isGood { try FileSystem.named(subject.name).checkImage(state.path) }
        }
    }
}
