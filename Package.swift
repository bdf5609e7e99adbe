// swift-tools-version: 6.2
// Causeway: one package, five layers. `docs/ARCHITECTURE.md` explains each room; `Tests/RoomTests`
// reads this file and the sources, and fails on any arrow that does not point down.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let tls: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
/// The event loops of the network servers.
let eventLoops: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

/// A Swift room: a target whose folder names its layer.
func room(
    _ layer: String, _ name: String, uses dependencies: [Target.Dependency] = [],
    resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)",
        resources: resources, swiftSettings: strict)
}

/// A library of the host, found through pkg-config.
func library(_ name: String, _ pkgConfig: String, apt package: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Seams/\(name)", pkgConfig: pkgConfig,
        providers: [.apt([package])])
}

/// The tests of one room.
func tests(_ name: String, uses dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
        swiftSettings: strict)
}

/// A static program for the guest, which has no libraries.
func guestProgram(
    _ name: String, uses dependencies: [Target.Dependency], libraries: [String] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Programs/\(name)",
        swiftSettings: strict,
        linkerSettings: libraries.map { .linkedLibrary($0) } + [
            .unsafeFlags([
                "-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "-s",
            ])
        ])
}

let package = Package(
    name: "causeway",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    ],
    targets: [
        // Ground: values and bytes, no I/O.
        room("Ground", "Bytes"),
        room("Ground", "GuestWire", uses: ["Bytes"]),
        room("Ground", "NFSWire", uses: ["Bytes"]),
        room("Ground", "FUSEWire", uses: ["Bytes"]),
        room("Ground", "CPIOLayout", uses: ["Bytes"]),
        room("Ground", "NBDWire", uses: ["Bytes"]),
        room("Ground", "NetlinkWire", uses: ["Bytes"]),
        room("Ground", "ISCSIWire"),
        room("Ground", "SCSIWire"),
        room("Ground", "AoEWire"),
        room("Ground", "JSONText"),

        // Seams: protocols, and the one room that names libc.
        .target(name: "CPlatform", path: "Sources/Seams/CPlatform"),
        room("Seams", "Platform", uses: ["CPlatform", "Bytes"]),
        room("Seams", "VirtualMachine", uses: ["Platform"]),
        room("Seams", "BlockDevice", uses: ["Platform"]),
        library("CBlkid", "blkid", apt: "libblkid-dev"),
        .systemLibrary(name: "CFUSE", path: "Sources/Seams/CFUSE"),

        // Engines: one technology each.
        room(
            "Engines", "Catalogue", uses: ["JSONText"],
            resources: [.embedInCode("filesystems.json")]),
        room("Engines", "Inspection", uses: ["Catalogue", "JSONText", "Platform", "CBlkid"]),
        room(
            "Engines", "Appliance",
            uses: ["Bytes", "CPIOLayout", "GuestWire", "Platform", "VirtualMachine"],
            resources: [
                .embedInCode("uml.config"), .embedInCode("ntfs3-mft-zone.patch"),
                .embedInCode("uml-idle-race.patch"),
            ]),
        room("Engines", "Sandbox", uses: ["Bytes", "Platform"]),
        room("Engines", "Hypervisors", uses: ["VirtualMachine", "Platform", "Sandbox"]),
        room("Engines", "StorageDaemon", uses: ["Bytes", "JSONText", "Platform", "Sandbox"]),
        room("Engines", "GuestLink", uses: ["Bytes", "GuestWire", "Platform"]),
        room("Engines", "Relay", uses: ["Platform"] + eventLoops),
        room(
            "Engines", "Bridge",
            uses: ["Bytes", "GuestWire", "GuestLink", "NFSWire", "Platform", "Relay", "CFUSE"]),

        room("Engines", "BlockDevices", uses: ["BlockDevice", "Bytes", "NBDWire", "Platform"]),
        room("Engines", "BlockFilters", uses: ["BlockDevice", "Bytes", "Platform"]),
        room("Engines", "SCSITarget", uses: ["SCSIWire", "BlockDevice", "Bytes", "Platform"]),
        room(
            "Engines", "ISCSITarget",
            uses: ["ISCSIWire", "SCSIWire", "SCSITarget", "Platform", crypto] + eventLoops),
        room(
            "Engines", "LocalDisk",
            uses: ["BlockDevice", "Bytes", "FUSEWire", "NetlinkWire", "Platform"]),
        room(
            "Engines", "NBDServer",
            uses: ["BlockDevice", "NBDWire", "Bytes", "Platform", tls] + eventLoops),

        room("Engines", "AoETarget", uses: ["AoEWire", "BlockDevice", "Bytes", "Platform"]),

        // Guest: the agent; no Foundation.
        room("Guest", "GuestCore", uses: ["Bytes", "GuestWire", "FUSEWire", "Platform"]),

        // Services: disk state, sockets, processes.
        room("Services", "Lines", uses: ["Platform"]),
        room(
            "Services", "Targets",
            uses: [
                "Lines", "Sandbox", "BlockDevice", "BlockDevices", "BlockFilters", "NBDServer",
                "ISCSITarget", "SCSITarget", "AoETarget", "AoEWire", "LocalDisk", "Platform",
            ] + eventLoops),
        room(
            "Services", "Sessions",
            uses: [
                "Catalogue", "Inspection", "Appliance", "Sandbox", "Hypervisors", "StorageDaemon",
                "GuestLink", "GuestWire", "Bridge", "VirtualMachine", "Platform", "Lines",
                "Targets", "AoETarget", "AoEWire", "LocalDisk", "BlockDevices",
            ]),

        // Programs: arguments, environment, exit codes.
        .executableTarget(
            name: "causeway",
            dependencies: [
                "Sessions", "Inspection", "JSONText", "Appliance", "Hypervisors", "Bridge",
                "VirtualMachine", "Platform", "Targets", "AoEWire", "ISCSIWire", "LocalDisk",
                argumentParser,
            ],
            path: "Sources/Programs/causeway", swiftSettings: strict),
        guestProgram("causeway-guest", uses: ["GuestCore"]),
        // swift-crypto brings Foundation, whose static library names only itself.
        guestProgram(
            "causeway-guest-blocks", uses: ["GuestCore", "GuestWire", "Targets"],
            libraries: ["_FoundationCollections", "_FoundationCShims"]),

        // The lab of the system tests: images by their real mkfs, trees, and what fsck says.
        .target(
            name: "FileSystemLab", dependencies: ["Bytes", "Platform"],
            path: "TestKit/FileSystemLab", swiftSettings: strict),

        // A guest whose kernel attaches to what is exported: the system tests' other end.
        .target(
            name: "ClientGuest", dependencies: ["FileSystemLab", "Platform"],
            path: "TestKit/ClientGuest", swiftSettings: strict),

        // The one suite that every block device passes, store or filter.
        .target(
            name: "BlockDeviceSuite", dependencies: ["BlockDevice", "Bytes", "Platform"],
            path: "TestKit/BlockDeviceSuite", swiftSettings: strict),

        tests("Room", uses: []),
        tests("ISCSIWire", uses: ["ISCSIWire"]),
        tests("SCSIWire", uses: ["SCSIWire"]),
        tests("SCSITarget", uses: ["SCSITarget", "SCSIWire", "BlockDevice", "Platform"]),
        tests(
            "ISCSITarget",
            uses: [
                "ISCSITarget", "ISCSIWire", "SCSITarget", "SCSIWire", "BlockDevice", "Platform",
            ] + eventLoops),
        tests("AoEWire", uses: ["AoEWire", "Bytes"]),
        tests("AoETarget", uses: ["AoETarget", "AoEWire", "BlockDevice", "Bytes", "Platform"]),
        tests("Bytes", uses: ["Bytes"]),
        tests("GuestWire", uses: ["GuestWire", "Bytes"]),
        tests("FUSEWire", uses: ["FUSEWire", "Bytes"]),
        tests("NetlinkWire", uses: ["NetlinkWire", "Bytes"]),
        tests("CPIOLayout", uses: ["CPIOLayout"]),
        tests("NBDWire", uses: ["NBDWire", "Bytes"]),
        tests(
            "NBDServer",
            uses: [
                "NBDServer", "NBDWire", "BlockDevice", "FileSystemLab", "Bytes", "Platform", tls,
            ] + eventLoops),
        tests("Platform", uses: ["Platform"]),
        tests("BlockDevice", uses: ["BlockDevice", "Platform"]),
        tests(
            "LocalDisk",
            uses: ["LocalDisk", "BlockDevices", "BlockDevice", "Bytes", "FUSEWire", "Platform"]),
        tests(
            "BlockDevices",
            uses: [
                "BlockDevices", "BlockDevice", "BlockDeviceSuite", "FileSystemLab", "Bytes",
                "NBDWire", "Platform", "StorageDaemon",
            ]),
        tests(
            "BlockFilters",
            uses: [
                "BlockFilters", "BlockDevices", "BlockDevice", "BlockDeviceSuite",
                "FileSystemLab", "Bytes", "Platform",
            ]),
        tests(
            "BlockDeviceSuite",
            uses: ["BlockDeviceSuite", "BlockDevices", "BlockDevice", "Bytes", "Platform"]),
        tests("JSONText", uses: ["JSONText"]),
        tests("Catalogue", uses: ["Catalogue"]),
        tests("Inspection", uses: ["Inspection", "Catalogue", "JSONText", "Platform"]),
        tests(
            "Appliance", uses: ["Appliance", "Bytes", "GuestWire", "Platform", "VirtualMachine"]),
        tests("Sandbox", uses: ["Sandbox", "Bytes", "Platform"]),
        tests("Hypervisors", uses: ["Hypervisors", "VirtualMachine", "Sandbox", "Platform"]),
        tests("StorageDaemon", uses: ["StorageDaemon", "JSONText", "Sandbox", "Platform"]),
        tests("NFSWire", uses: ["NFSWire", "Bytes"]),
        tests(
            "Bridge",
            uses: [
                "Bridge", "NFSWire", "GuestWire", "FileSystemLab", "Bytes", "Platform", "CFUSE",
            ]),
        tests("Relay", uses: ["Relay", "FileSystemLab", "Platform"]),
        tests("GuestLink", uses: ["GuestLink", "GuestWire", "Bytes", "Platform"]),
        tests("GuestCore", uses: ["GuestCore", "GuestWire", "FUSEWire", "Bytes", "Platform"]),
        tests("Lines", uses: ["Lines", "Platform"]),
        tests("Targets", uses: ["Targets", "AoEWire", "Platform"]),
        tests("Sessions", uses: ["Sessions", "Targets", "AoEWire", "Platform"]),
        tests("FileSystemLab", uses: ["FileSystemLab", "Platform"]),
        tests("ClientGuest", uses: ["ClientGuest", "FileSystemLab", "Platform"]),
        tests(
            "System",
            uses: [
                "ClientGuest", "FileSystemLab", "Bytes", "Platform", "BlockDevice", "BlockDevices",
                "BlockFilters",
            ]),
    ]
)
