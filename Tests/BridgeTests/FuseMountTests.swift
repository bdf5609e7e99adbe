import Platform
import Testing

@testable import Bridge

@Suite struct FuseMountTests {
    @Test func `quotes a source that would end its option`() {
        let options = FuseMountOptions(source: "a,allow_other\\b", readOnly: true)
        #expect(
            FuseMount.words(options)
                == "fsname=a\\,allow_other\\\\b,subtype=causeway,default_permissions,"
                + "nosuid,nodev,ro")
    }

    @Test func `says which switch is missing`() {
        let complaint =
            "option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf"
        #expect(FuseMount.remedy(for: complaint).contains("/etc/fuse.conf"))
        #expect(FuseMount.remedy(for: "failed to open /dev/fuse: Permission denied") != "")
        #expect(FuseMount.remedy(for: "mount failed: Operation not permitted").contains("set-user"))
    }

    @Test func `refuses a mount point that is not there`() {
        #expect(throws: BridgeError.self) {
            try FuseMount.open(
                mountpoint: "/nowhere/at/all", options: .init(source: "test", readOnly: true))
        }
        #expect(throws: BridgeError.self) { try FuseMount.unmount(mountpoint: "/nowhere/at/all") }
    }
}
