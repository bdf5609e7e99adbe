import Glibc
public import Platform

/// A block device of this host, by its path and what the kernel's tables say.
///
/// Any thread.
public struct DeviceNode: Sendable {
    /// Its path below /dev.
    public let path: String
    /// Its name in the kernel's tables: `nbd0`.
    public let name: String

    /// From a device's first appearance in the kernel's tables to its node, in milliseconds.
    private static let appearance: Int64 = 10_000

    /// Names a device.
    public init(_ path: String) {
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? path
    }

    /// The device and its partitions: paths and numbers (`major:minor`).
    public var parts: [(path: String, number: String)] {
        let folder = "/sys/block/\(name)"
        let partitions = ((try? Files.list(folder)) ?? []).filter { entry in
            entry.hasPrefix(name) && Files.exists("\(folder)/\(entry)/partition")
        }
        let places = [(name, folder)] + partitions.sorted().map { ($0, "\(folder)/\($0)") }
        return places.compactMap { name, place in
            guard let text = try? Files.readText("\(place)/dev", limit: 64) else { return nil }
            return ("/dev/\(name)", String(text.prefix { $0 != "\n" }))
        }
    }

    /// Waits until the device can be opened and has this size (any but 0 where it is nil), and
    /// opens it; its partitions are known then.
    ///
    /// The node must be the kernel's: one with another device's number is refused.
    func open(size: UInt64?) throws(AttachError) -> OwnedFD {
        let deadline = Clock.milliseconds() + Self.appearance
        var last = "there is no \(path)"
        while Clock.milliseconds() < deadline {
            do throws(SystemError) {
                let number = try Files.readText("/sys/block/\(name)/dev", limit: 64)
                let device = try Files.open(path, [.readOnly, .nonblocking])
                guard BlockNode.number(at: path) == String(number.prefix { $0 != "\n" }) else {
                    throw SystemError(errno: ENXIO, call: "open \(path)")
                }
                let found = try Files.geometry(device).size
                if size.map({ $0 == found }) ?? (found > 0) { return device }
                last = "\(path) has \(found) bytes\(size.map { " in place of \($0)" } ?? "")"
            } catch { last = "\(error)" }
            Clock.sleep(milliseconds: 20)
        }
        throw AttachError(
            .failed, "the kernel's device does not appear: \(last)",
            remedy: "Check that /dev is the kernel's own (devtmpfs), as in a container it may not "
                + "be.")
    }

    /// What came of opening a device exclusively.
    public enum Claim {
        /// It is open, and while it is, the kernel gives it to nobody else: no mount, swap, RAID or
        /// mapping.
        case taken(OwnedFD)
        /// One of them has it.
        case busy
        /// It can no longer be opened at all.
        case dead

        /// The open device.
        public var device: OwnedFD? {
            if case .taken(let device) = self { return device }
            return nil
        }
    }

    /// Opens the device exclusively.
    public func claim() -> Claim {
        do throws(SystemError) {
            return .taken(try Files.open(path, [.readOnly, .exclusive, .nonblocking]))
        } catch { return error.errno == EBUSY ? .busy : .dead }
    }
}
