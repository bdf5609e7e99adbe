public import Platform

/// A disk of the kernel's iSCSI initiator, logged in and out by open-iscsi: /dev/sdX.
///
/// Source: iscsiadm(8) and the README of open-iscsi 2.1. One thread at a time.
public final class KernelISCSI: AttachedDisk {
    /// Where and how to log in.
    public struct Login: Sendable {
        /// The target's iSCSI name.
        public var target: String
        /// Its portal: `127.0.0.1:3260`.
        public var portal: String
        /// CHAP: who logs in.
        public var user: String
        /// CHAP: the secret, 12 to 255 letters and digits.
        public var secret: String

        /// Collects the four.
        public init(target: String, portal: String, user: String, secret: String) {
            self.target = target
            self.portal = portal
            self.user = user
            self.secret = secret
        }
    }

    /// How long requests wait for a lost connection to come back, in seconds.
    static let replacementSeconds = 10

    /// See `AttachedDisk`.
    public let way = AttachWay.iscsi
    /// See `AttachedDisk`.
    public let path: String
    private let target: String
    private let portal: String
    /// Whether iscsid was started for this disk, by no system manager.
    private let isDaemonOurs: Bool
    private var keeper: OwnedFD?

    /// Why this host cannot; nil where it can.
    ///
    /// Loads the module and starts the daemon where they can be.
    public static func obstacle() -> AttachError? {
        guard Host.user == 0 else { return .needsRoot("logging in by the kernel's initiator") }
        do throws(AttachError) {
            if try OpenISCSI.prepare() { OpenISCSI.stopDaemon() }
            return nil
        } catch { return error }
    }

    /// Logs in; blocks until the disk can be opened.
    public init(_ login: Login) throws(AttachError) {
        isDaemonOurs = try OpenISCSI.prepare()
        target = login.target
        portal = login.portal
        do throws(AttachError) {
            try OpenISCSI.makeRecord(login)
            try OpenISCSI.run(login.target, login.portal, ["--login"])
            path = try Self.findDisk(of: login.target)
            keeper = try DeviceNode(path).open(size: nil)
        } catch {
            OpenISCSI.forget(login.target, login.portal)
            if isDaemonOurs { OpenISCSI.stopDaemon() }
            throw error
        }
    }

    /// The one disk of a session with a target, by the kernel's tables.
    private static func findDisk(of target: String) throws(AttachError) -> String {
        let deadline = Clock.milliseconds() + 10_000
        while Clock.milliseconds() < deadline {
            if let name = OpenISCSI.disks(of: target).first { return "/dev/\(name)" }
            Clock.sleep(milliseconds: 50)
        }
        throw AttachError(
            .failed, "the initiator has logged in, but shows no disk",
            remedy: "Check that the module sd_mod is there: `modprobe sd_mod`.")
    }

    /// See `AttachedDisk`.
    public func disconnect(claim: OwnedFD?) throws(AttachError) {
        keeper = nil
        defer {
            OpenISCSI.forget(target, portal)
            if isDaemonOurs { OpenISCSI.stopDaemon() }
        }
        try OpenISCSI.run(target, portal, ["--logout"])
    }

    /// See `AttachedDisk`: the initiator gives up by itself after `replacementSeconds`.
    public func cut() {}

    /// Logs out of a target that a session has left behind.
    public static func disconnect(target: String, portal: String) throws(AttachError) {
        guard !OpenISCSI.sessions(of: target).isEmpty else {
            return OpenISCSI.forget(target, portal)
        }
        defer { OpenISCSI.forget(target, portal) }
        try OpenISCSI.run(target, portal, ["--logout"])
    }
}
