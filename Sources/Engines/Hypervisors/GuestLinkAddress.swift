/// The guest's end of the private link, as hypervisors set it up.
enum GuestLinkAddress {
    /// Locally administered; the bridge enters it as a fixed neighbour.
    static let hardware = "02:c0:5e:00:00:02"
    /// Bytes a frame carries: large frames are what makes the link fast.
    static let mtu = 65_000
}
