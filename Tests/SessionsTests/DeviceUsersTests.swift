import Testing

@testable import Sessions

/// Who uses a device, by the kernel's table of mounts.
@Suite struct DeviceUsersTests {
    private static let table = """
        22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
        90 22 43:1 / /mnt/my\\040disk rw,relatime shared:5 - ext4 /dev/nbd0p1 rw
        91 22 0:55 /sub /srv rw - btrfs /dev/nbd0p2 rw
        92 22 43:160 / /other rw - xfs /dev/nbd10 rw
        broken line

        """

    @Test func `mounts are found by number, and by path where the number is another`() {
        let found = DeviceUsers.mounts(
            of: ["43:0", "43:1", "43:2"], ["/dev/nbd0", "/dev/nbd0p1", "/dev/nbd0p2"],
            in: Self.table)
        #expect(found == ["mounted on /mnt/my disk", "mounted on /srv"])
    }

    @Test func `other devices' mounts are nobody's business`() {
        #expect(DeviceUsers.mounts(of: ["43:1600"], ["/dev/nbd1"], in: Self.table).isEmpty)
    }
}
