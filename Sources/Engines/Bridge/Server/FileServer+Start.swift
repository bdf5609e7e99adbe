import Glibc
import NFSWire

extension FileServer {
    /// Learns what must be known of the exports; gives nil, or what is wrong.
    func start(_ described: [BridgeExport], _ body: @escaping (String?) -> Void) {
        exports = []
        for description in described {
            guard let root = FileHandle(description.rootHandle), !root.bytes.isEmpty else {
                return body("the guest gave an impossible file handle")
            }
            exports.append(ServedExport(description: description, root: root))
        }
        // The root comes first in the table: as number 1.
        if isSynthetic { _ = nodes.enter(.none, export: 0, nil) }
        startNext(0, body)
    }

    private func startNext(_ index: Int, _ body: @escaping (String?) -> Void) {
        guard index < exports.count else { return body(nil) }
        let root = exports[index].root
        guard StrictHandle.isKnownLayout(root) else { return learn(index, body) }
        // Served twice? Then everything but commits goes through the relaxed one.
        let relaxed = StrictHandle.relaxed(root)
        call(.getAttributes(relaxed), as: NFSAttributesReply.self) { [unowned self] outcome in
            if case .done = outcome {
                exports[index].root = relaxed
                exports[index].isTwofold = true
            }
            learn(index, body)
        }
    }

    private func learn(_ index: Int, _ body: @escaping (String?) -> Void) {
        let root = exports[index].root
        call(.getAttributes(root), as: NFSAttributesReply.self) { [unowned self] outcome in
            guard case .done(let reply) = outcome, reply.attributes.type == .directory else {
                return body(
                    guestFailure ?? "the guest's file server does not give out the root folder")
            }
            exports[index].fileSystem = reply.attributes.fileSystem
            let entered = nodes.enter(root, export: index, reply.attributes)
            exports[index].rootNode = entered.number
            call(.fileSystemInfo(root), as: NFSInfoReply.self) { [unowned self] outcome in
                guard case .done(let info) = outcome else {
                    return body(guestFailure ?? "the guest's file server has no FSINFO")
                }
                limitTransfer(info)
                learnNames(index, body)
            }
        }
    }

    private func limitTransfer(_ info: NFSInfoReply) {
        let limit = min(Int(info.readLimit), Int(info.writeLimit), transfer)
        transfer = max(4096, limit & ~4095)
    }

    private func learnNames(_ index: Int, _ body: @escaping (String?) -> Void) {
        let root = exports[index].root
        call(.pathConfiguration(root), as: NFSPathReply.self) { [unowned self] outcome in
            if case .done(let path) = outcome {
                let limit = UInt32(NFSLimits.name)
                exports[index].nameLimit = path.nameLimit == 0 ? limit : min(path.nameLimit, limit)
                if path.isCaseInsensitive { exports[index].isCaseInsensitive = true }
            }
            call(
                .readDirectory(root, cookie: 0, verifier: 0, count: 8192),
                as: NFSListingReply.self
            ) { [unowned self] outcome in
                guard exports[index].isCaseInsensitive == nil, case .done(let reply) = outcome,
                    let (name, handleName) = Self.otherSpelling(reply.listing)
                else { return finish(index, body) }
                compareSpellings(index, name, handleName) { [unowned self] in finish(index, body) }
            }
        }
    }

    private func finish(_ index: Int, _ body: @escaping (String?) -> Void) {
        if !isReadOnly(index) { removeLeftOvers(index) }
        startNext(index + 1, body)
    }

    /// A name in a listing that has letters, and the same with upper and lower case swapped.
    static func otherSpelling(_ listing: DirectoryListing) -> ([UInt8], [UInt8])? {
        for entry in listing.entries {
            let name = Array(listing.names[entry.name])
            let other = swappedCase(name)
            if other != name { return (name, other) }
        }
        return nil
    }

    /// A name with upper and lower case of its ASCII letters swapped.
    static func swappedCase(_ name: [UInt8]) -> [UInt8] {
        name.map { byte in
            switch byte {
            case 0x41...0x5a, 0x61...0x7a: byte ^ 0x20
            default: byte
            }
        }
    }

    /// Finds out whether two spellings of a name lead to the same file.
    private func compareSpellings(
        _ index: Int, _ name: [UInt8], _ other: [UInt8], _ body: @escaping () -> Void
    ) {
        let root = exports[index].root
        call(.lookup(root, name: name), as: NFSLookupReply.self) { [unowned self] first in
            guard case .done(let first) = first else { return body() }
            compare(index, root, other, with: first.handle, body)
        }
    }

    private func compare(
        _ index: Int, _ folder: FileHandle, _ other: [UInt8], with handle: FileHandle,
        _ body: @escaping () -> Void
    ) {
        call(.lookup(folder, name: other), as: NFSLookupReply.self) { [unowned self] outcome in
            if case .done(let found) = outcome {
                exports[index].isCaseInsensitive = found.handle == handle
            } else if case .failed(ENOENT) = outcome {
                exports[index].isCaseInsensitive = false
            }
            body()
        }
    }

    /// Finds it out by a file that was just made, where the export was empty.
    func learnSpelling(_ folder: NodeTable.Node, _ name: [UInt8], _ handle: FileHandle) {
        guard exports[folder.export].isCaseInsensitive == nil else { return }
        let other = Self.swappedCase(name)
        guard other != name else { return }
        compare(folder.export, folder.handle, other, with: handle) {}
    }
}
