import BlockDevice
import Synchronization

extension BlockDeviceSuite {
    /// What an observer has heard.
    private final class Heard: Sendable {
        let sizes = Mutex<[UInt64]>([])
        var last: UInt64? { sizes.withLock { $0.last } }
        var count: Int { sizes.withLock { $0.count } }
    }

    static let sizes = SuiteCheck(
        "a change of size is told and obeyed", if: { $0.resize != nil }
    ) { subject, _ in
        let subject = try subject.make(size)
        let device = subject.device
        let before = device.size
        let heard = Heard()
        var observation = device.observeSize { size in heard.sizes.withLock { $0.append(size) } }
        try expect(observation != nil, "nothing to observe")
        _ = try device.bytes(0, Int(before))
        let kept = try device.bytes(0, 4096)

        try subject.resize?(before + 65_536)
        try expect(device.size == before + 65_536, "grown to \(device.size)")
        try expect(heard.last == device.size, "\(heard.last ?? 0) was told")
        _ = try device.bytes(before, 65_536)
        if device.can(.write) {
            try device.write([1, 2, 3], at: device.size - 3)
            try expect(try device.bytes(device.size - 3, 3) == [1, 2, 3], "the new end is lost")
        }

        try subject.resize?(before - 512)
        try expect(device.size == before - 512, "shrunk to \(device.size)")
        try expect(heard.last == device.size, "\(heard.last ?? 0) was told")
        do {
            _ = try device.bytes(device.size, 512)
            throw SuiteFailure("a read past the new end is no error")
        } catch BlockError.outOfRange {}
        try expect(try device.bytes(0, 4096) == kept, "the start has changed")

        try subject.resize?(before)
        try expect(
            isZero(try device.bytes(before - 512, 512)[...]),
            "what was cut off is there again")
        let told = heard.count
        observation = nil
        try subject.resize?(before + 512)
        try expect(heard.count == told, "told after the end of the observation")
    }
}
