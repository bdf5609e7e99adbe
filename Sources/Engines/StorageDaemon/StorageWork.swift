import JSONText
import Platform
import Sandbox

/// The files, sockets and arguments of one storage daemon, made before it starts.
struct StorageWork {
    private let plan: StoragePlan
    private let isDevice: Bool
    private let overlays: [OwnedFD?]
    private let listeners: [OwnedFD]
    /// Paths of the sockets.
    let socketPaths: [String]
    /// Descriptors that were open before the first write.
    let writtenFiles: [(path: String, file: OwnedFD)]
    /// Set before the daemon opens the source.
    let sourceWatch: SourceWatch?
    /// To be run when the daemon has opened everything.
    let openedCheck: OpenedCheck

    /// Checks the plan, makes missing overlays, and listens where it is to be served.
    init(_ plan: StoragePlan, serving: Bool = true) throws(StorageError) {
        self.plan = plan
        openedCheck = OpenedCheck(plan)
        try Self.check(plan)
        do {
            try Self.checkParent(plan)
            isDevice = try Files.status(plan.source).kind == .blockDevice
            sourceWatch = try SourceWatch(plan)
            var overlays: [OwnedFD?] = []
            var written: [(path: String, file: OwnedFD)] = []
            for window in plan.windows {
                let file = try window.overlay.map { path throws(StorageError) in
                    try OverlayFile.open(
                        path, size: window.length & ~511, isKept: window.keepsOverlay)
                }
                overlays.append(file)
                if let path = window.overlay, let file { written.append((path, file)) }
            }
            if !plan.readOnly { written.append(("the source", plan.source)) }
            self.overlays = overlays
            writtenFiles = written

            var listeners: [OwnedFD] = []
            var paths: [String] = []
            if serving { try Files.makeDirectories(plan.socketFolder, mode: 0o700) }
            for name in Self.socketNames(plan) where serving {
                let path = "\(plan.socketFolder)/\(name)"
                try Files.remove(path)
                listeners.append(try UnixSocket.listen(at: path))
                paths.append(path)
            }
            self.listeners = listeners
            socketPaths = paths
        } catch let error as StorageError {
            throw error
        } catch let error as SystemError {
            throw .system(error)
        } catch { throw .plan("\(error)") }
    }

    /// Removes the sockets from the file system.
    func removeSockets() { for path in socketPaths { try? Files.remove(path) } }

    private static func socketNames(_ plan: StoragePlan) -> [String] {
        switch plan.service {
        case .guestDisks: (0..<max(1, plan.windows.count)).map { "disk\($0)" }
        case .nbd: ["nbd"]
        }
    }

    private static func check(_ plan: StoragePlan) throws(StorageError) {
        switch plan.service {
        case .nbd:
            guard plan.windows.count <= 1 else { throw .plan("an NBD export has one window") }
        case .guestDisks:
            guard plan.windows.count <= StoragePlan.windowLimit else {
                throw .plan("a daemon serves \(StoragePlan.windowLimit) disks at most")
            }
        }
        guard plan.readOnly || plan.format.isWritable else {
            throw .readOnlyFormat(plan.format)
        }
        guard [512, 1024, 2048, 4096].contains(plan.logicalSectorSize) else {
            throw .plan("sectors of \(plan.logicalSectorSize) bytes are not supported")
        }
        for window in plan.windows {
            guard window.length >= 512, window.length <= OverlayImage.sizeLimit,
                window.offset < 1 << 62
            else { throw .plan("a disk of \(window.length) bytes is not supported") }
        }
    }

    /// Refuses what QEMU would open without the image below it.
    private static func checkParent(_ plan: StoragePlan) throws {
        guard plan.format == .vpc else { return }
        let end = try Files.geometry(plan.source).size
        for place in [0, end.subtractingReportingOverflow(UInt64(VHDFooter.size)).partialValue]
        where place < end {
            let sector = try Files.read(plan.source, at: place, count: VHDFooter.size)
            guard !VHDFooter.isDifference(sector) else { throw StorageError.difference(to: nil) }
        }
    }

    /// The sandboxed daemon.
    ///
    /// Descriptor 3 is its monitor, the listeners follow.
    func program(path: String, control: Int32, complaints: Int32) -> SandboxedProgram {
        let graph = BlockGraph(
            .init(format: plan.format, readOnly: plan.readOnly, isDevice: isDevice),
            windows: plan.windows)
        var arguments = [
            "--chardev", "socket,id=control,fd=3,server=off", "--monitor", "chardev=control",
            "--object", "iothread,id=io",
        ]
        for node in graph.nodes { arguments += ["--blockdev", node.line] }
        arguments += exports(of: graph)
        return SandboxedProgram(
            path: path, arguments: arguments, grants: grants,
            descriptors: [-1, complaints, complaints, control] + listeners.map(\.raw),
            filter: Self.filter)
    }

    private func exports(of graph: BlockGraph) -> [String] {
        func onOff(_ value: Bool) -> String { value ? "on" : "off" }
        if plan.service == .nbd {
            let writable = !plan.readOnly || plan.windows.first?.overlay != nil
            return [
                "--nbd-server", "addr.type=fd,addr.str=4,max-connections=0",
                "--export",
                "nbd,id=nbd,node-name=\(graph.tops[0]),"
                    // In no thread of its own: QEMU 7.2 aborts when a client of one leaves.
                    + "name=\(StorageService.exportName),writable=\(onOff(writable))",
            ]
        }
        return graph.tops.enumerated().prefix(listeners.count).flatMap { index, top in
            let overlay = plan.windows.isEmpty ? nil : plan.windows[index].overlay
            let writable = !plan.readOnly || overlay != nil
            return [
                "--export",
                "vhost-user-blk,id=disk\(index),node-name=\(top),addr.type=fd,"
                    + "addr.str=\(4 + index),writable=\(onOff(writable)),"
                    + "logical-block-size=\(plan.logicalSectorSize),num-queues=1,iothread=io",
            ]
        }
    }

    private var grants: [SandboxedProgram.Grant] {
        var grants: [SandboxedProgram.Grant] = []
        if isDevice {
            // The descriptor's own path: nobody renames device nodes while they are in use.
            let path = (try? Files.readLink("/proc/self/fd/\(plan.source.raw)")) ?? "/dev/null"
            grants.append(.device(path, at: BlockGraph.Places.source))
        } else {
            grants.append(
                .descriptor(
                    plan.source.raw, at: BlockGraph.Places.source, writable: !plan.readOnly))
        }
        for (index, overlay) in overlays.enumerated() {
            guard let overlay else { continue }
            grants.append(
                .descriptor(overlay.raw, at: BlockGraph.Places.overlay(index), writable: true))
        }
        return grants
    }
}
