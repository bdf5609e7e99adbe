/// The plan of the house: which layer may use which, and the few exceptions, each with its reason.
enum House {
    /// The layers that each layer may import, besides the arrows of `sideways`.
    static let below: [String: Set<String>] = [
        "Ground": [],
        "Seams": ["Ground"],
        "Engines": ["Ground", "Seams"],
        "Guest": ["Ground", "Seams"],
        "Services": ["Ground", "Seams", "Engines"],
        "Programs": ["Ground", "Seams", "Engines", "Guest", "Services"],
    ]

    /// Arrows inside a layer: from left to right, never in a circle.
    static let sideways: [String: Set<String>] = [
        "GuestWire": ["Bytes"],
        "NFSWire": ["Bytes"],
        "FUSEWire": ["Bytes"],
        "CPIOLayout": ["Bytes"],
        "NetlinkWire": ["Bytes"],
        "NBDWire": ["Bytes"],
        "Platform": ["CPlatform"],
        "VirtualMachine": ["Platform"],
        "BlockDevice": ["Platform"],
        "Inspection": ["Catalogue"],
        "Hypervisors": ["Sandbox"],
        "StorageDaemon": ["Sandbox"],
        "Bridge": ["GuestLink", "Relay"],
        "ISCSITarget": ["SCSITarget"],
        "Targets": ["Lines"],
        "Sessions": ["Lines", "Targets"],
    ]

    /// The agent's program may see the guest's rooms and nothing above them, the host's program
    /// everything but the guest's rooms.
    static let forbidden: [String: Set<String>] = [
        "causeway": ["GuestCore"],
        "causeway-guest": ["Sessions", "Bridge", "Hypervisors", "StorageDaemon", "Inspection"],
        "causeway-guest-blocks": [
            "Sessions", "Bridge", "Hypervisors", "StorageDaemon", "Inspection",
        ],
    ]

    /// Rooms that may name libc, and why.
    static let libc: [String: String] = [
        "Platform": "wraps system calls for everybody else",
        "GuestCore": "mounts, NFS control files, and FUSE replies by errno",
        "GuestLink": "errno constants",
        "Bridge": "FUSE and the NFS status codes speak errno",
        "Relay": "numbers of socket options, and how a socket lingers",
        "Sandbox": "numbers of system calls and errno constants",
        "Hypervisors": "signals and errno constants",
        "StorageDaemon": "signals and errno constants",
        "Inspection": "errno constants and libblkid's types",
        "NBDServer": "errno constants",
        "LocalDisk": "FUSE replies by errno, and errno constants",
        "Appliance": "errno constants",
        "Sessions": "signals and errno constants",
        "causeway": "exit codes and signals",
        "causeway-guest": "exit",
    ]

    /// Rooms without a test target of their own, and why.
    static let untested: [String: String] = [
        "CPlatform": "called by nobody but Platform, whose tests run it",
        "CBlkid": "a module map of a system library",
        "CFUSE": "a module map of a kernel header",
        "VirtualMachine": "a protocol and its values; HypervisorsTests run every implementation",
        "causeway": "SystemTests run the program",
        "causeway-guest": "SystemTests boot it",
        "causeway-guest-blocks": "SystemTests boot it",
    ]
}
