import GuestWire
import Platform
public import VirtualMachine

/// An appliance on the host's disk: a folder with a manifest and a folder for each packaging.
///
/// A value; any thread. Reading it costs well under a millisecond.
public struct Appliance: Sendable {
    /// Name of the manifest in the appliance's folder.
    static let manifestName = "manifest"

    /// The appliance's folder.
    public let directory: String
    /// What its manifest says.
    public let manifest: ApplianceManifest

    /// Reads the manifest in `directory`; opens no other file.
    public static func locate(directory: String) throws(ApplianceError) -> Appliance {
        let path = "\(directory)/\(manifestName)"
        guard Files.exists(path) else {
            throw ApplianceError(
                "There is no appliance in \(directory)",
                remedy: "`causeway appliance build` makes one.")
        }
        let text: String
        do {
            text = try Files.readText(path, limit: ApplianceManifest.Limits.size)
        } catch {
            throw ApplianceError(
                "The appliance cannot be read: \(error)",
                remedy: "Check who owns \(directory) and the permissions there.")
        }
        do {
            return Appliance(
                directory: directory, manifest: try ApplianceManifest(text: text))
        } catch {
            throw ApplianceError(
                "\(path) is not a manifest of this version of Causeway: \(error)",
                remedy: ApplianceError.buildAgain)
        }
    }

    /// Kernel and initial file system for a hypervisor, everything present and of the right size.
    ///
    /// - Parameter servingBlocks: whether the guest is to serve blocks, not only to mount.
    public func paths(
        for hypervisor: HypervisorKind, servingBlocks: Bool = false
    ) throws(ApplianceError) -> AppliancePaths {
        let kind = PackagingKind(for: hypervisor)
        guard let packaging = manifest[kind] else {
            throw ApplianceError(
                "The appliance in \(directory) has no \(kind.rawValue) packaging",
                remedy: "`causeway appliance build --for \(kind.rawValue)` adds it.")
        }
        guard packaging.wireVersion == GuestWire.version else {
            throw ApplianceError(
                "The appliance's agent speaks version \(packaging.wireVersion) of the guest "
                    + "protocol, this program version \(GuestWire.version)",
                remedy: "`causeway appliance build --for \(kind.rawValue)` makes a new one.")
        }
        for file in packaging.files {
            let state = quickState(of: file, kind: kind)
            guard state == .whole else {
                throw ApplianceError(
                    "The appliance's \(kind.rawValue)/\(file.name) \(state)",
                    remedy: "`causeway appliance build --for \(kind.rawValue)` makes a new one.")
            }
        }
        return AppliancePaths(
            kernel: path(of: ApplianceFile.kernel, kind: kind),
            initramfs: path(
                of: servingBlocks ? ApplianceFile.blocksInitramfs : ApplianceFile.initramfs,
                kind: kind))
    }

    /// Where a file of a packaging lies.
    func path(of name: String, kind: PackagingKind) -> String {
        "\(directory)/\(kind.rawValue)/\(name)"
    }

    /// Compares what can be seen without reading the file.
    private func quickState(of file: ApplianceFile, kind: PackagingKind) -> ApplianceFileState {
        guard let status = try? Files.status(path(of: file.name, kind: kind)),
            status.kind == .file
        else { return .missing }
        return status.size == file.size ? .whole : .size(status.size, expected: file.size)
    }

    /// Hashes every file and compares; reads all of the appliance (tens of milliseconds).
    public func verify() throws(ApplianceError) -> [ApplianceFinding] {
        var findings: [ApplianceFinding] = []
        for packaging in manifest.packagings {
            for file in packaging.files {
                var state = quickState(of: file, kind: packaging.kind)
                if state == .whole {
                    let path = path(of: file.name, kind: packaging.kind)
                    let found = try Checksums.sha256(ofFile: path)
                    if found != file.sha256 { state = .content(found, expected: file.sha256) }
                }
                findings.append(
                    ApplianceFinding(kind: packaging.kind, file: file.name, state: state))
            }
        }
        return findings
    }
}

/// How a file compares with the manifest.
public enum ApplianceFileState: Equatable, Sendable, CustomStringConvertible {
    /// As the manifest says.
    case whole
    /// Not there, or no regular file.
    case missing
    /// Of another size, in bytes.
    case size(UInt64, expected: UInt64)
    /// Of the right size with another SHA-256.
    case content(String, expected: String)

    /// The state as the end of a sentence.
    public var description: String {
        switch self {
        case .whole: "is as the manifest says"
        case .missing: "is missing"
        case .size(let found, let expected): "has \(found) bytes where \(expected) are right"
        case .content(let found, let expected):
            "has the SHA-256 \(found) where \(expected) is right"
        }
    }
}

/// What `verify` found about one file.
public struct ApplianceFinding: Equatable, Sendable {
    /// The packaging.
    public var kind: PackagingKind
    /// The file's name in it.
    public var file: String
    /// How it compares.
    public var state: ApplianceFileState
}
