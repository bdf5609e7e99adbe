public import BlockDevice
import Synchronization

/// A device under test, and what a test may do to it that is not in the protocol.
public struct SuiteDevice: Sendable {
    /// The device.
    public var device: any BlockDevice
    /// Loses power, and gives the device as it comes back; nil where that cannot be.
    public var crash: (@Sendable () throws -> any BlockDevice)?
    /// Changes the size of what is below; nil where that cannot be.
    public var resize: (@Sendable (UInt64) throws -> Void)?

    /// Collects a device and its ways.
    public init(
        _ device: any BlockDevice, crash: (@Sendable () throws -> any BlockDevice)? = nil,
        resize: (@Sendable (UInt64) throws -> Void)? = nil
    ) {
        self.device = device
        self.crash = crash
        self.resize = resize
    }
}

/// Something that makes devices to be tested.
public struct SuiteSubject: Sendable, CustomStringConvertible {
    /// What it is called in a report.
    public var name: String
    /// Whether a read may see a part of one write and a part of another within 512 bytes: what the
    /// page cache allows.
    public var mayTearReads: Bool
    /// Makes a device of this size; it may have content already.
    public var make: @Sendable (UInt64) throws -> SuiteDevice

    /// Names a maker of devices.
    public init(
        _ name: String, mayTearReads: Bool = false,
        make: @escaping @Sendable (UInt64) throws -> SuiteDevice
    ) {
        self.name = name
        self.mayTearReads = mayTearReads
        self.make = make
    }

    /// The name.
    public var description: String { name }
}

/// What a device did wrong.
public struct SuiteFailure: Error, CustomStringConvertible {
    /// What the check was doing, and what it found.
    public var description: String

    /// Says what is wrong.
    public init(_ description: String) { self.description = description }
}

/// One claim about devices.
public struct SuiteCheck: Sendable, CustomStringConvertible {
    /// The claim.
    public let name: String
    /// Whether it can be made of a device.
    let applies: @Sendable (SuiteDevice) -> Bool
    /// Tries it with a seed; throws what is wrong.
    let run: @Sendable (SuiteSubject, UInt64) throws -> Void

    init(
        _ name: String, if applies: @escaping @Sendable (SuiteDevice) -> Bool = { _ in true },
        run: @escaping @Sendable (SuiteSubject, UInt64) throws -> Void
    ) {
        self.name = name
        self.applies = applies
        self.run = run
    }

    /// The claim.
    public var description: String { name }
}

/// The checks that every device must pass, and running them.
public enum BlockDeviceSuite {
    /// All claims.
    public static let checks: [SuiteCheck] = [
        content, largeRequests, bounds, empty, properties, readOnly, immediateReads, extents,
        zeroes, sizes, neighbours, sectors, flushesAmongWrites, durability, forcedAccess,
    ]

    /// Runs every check that applies; returns the names of those that do not.
    ///
    /// Throws at the first that fails, with its name and seed. Without a seed it takes a new one.
    public static func run(
        _ subject: SuiteSubject, checks: [SuiteCheck] = Self.checks,
        seed: UInt64 = UInt64.random(in: 0...UInt64.max)
    ) throws -> [String] {
        var passedOver: [String] = []
        for check in checks {
            do {
                guard check.applies(try subject.make(1 << 20)) else {
                    passedOver.append(check.name)
                    continue
                }
                try check.run(subject, seed)
            } catch {
                throw SuiteFailure("\(subject): \(check), seed \(seed): \(error)")
            }
        }
        return passedOver
    }
}
