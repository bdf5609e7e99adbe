import BlockDevice
import Platform

/// What an open file or block device is, and what it can do.
struct FileFacts {
    var size: UInt64
    var isBlockDevice: Bool
    /// A file of tmpfs, which cannot be asked for what needs no waiting, and never needs any.
    var isInMemory: Bool
    var properties: BlockProperties

    /// Examines it; changes nothing.
    init(_ file: OwnedFD, options: FileDevice.Options) throws(SystemError) {
        let kind = try Files.status(file).kind
        guard kind == .file || kind == .blockDevice else {
            throw BlockIO.notADisk
        }
        let geometry = try Files.geometry(file)
        size = geometry.size
        isBlockDevice = kind == .blockDevice
        isInMemory = !isBlockDevice && BlockIO.isInMemory(file.raw)
        var properties = BlockProperties(parallelism: 32)
        properties.logicalBlockSize =
            isBlockDevice ? max(512, geometry.logicalSector) : options.logicalBlockSize
        properties.physicalBlockSize =
            isBlockDevice
            ? max(geometry.physicalSector, properties.logicalBlockSize)
            : max(options.physicalBlockSize, properties.logicalBlockSize)
        if isInMemory || Self.readsImmediately(file) {
            properties.capabilities.insert(.immediateReads)
        }
        if !isBlockDevice && Self.knowsHoles(file) { properties.capabilities.insert(.extents) }
        if options.isWritable {
            properties.capabilities.formUnion([
                .write, .volatileCache, .forceUnitAccess, .immediateWrites,
            ])
            isBlockDevice
                ? Self.addDiscard(of: file, to: &properties)
                : Self.addHoles(of: file, size: size, to: &properties)
        }
        self.properties = properties
    }

    private static func readsImmediately(_ file: OwnedFD) -> Bool {
        let result = withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
            BlockIO.readNow(file.raw, at: 0, into: $0)
        }
        return result >= 0 || BlockIO.meaning(of: result) == .wouldWait
    }

    private static func knowsHoles(_ file: OwnedFD) -> Bool {
        let result = BlockIO.nextData(file.raw, from: 0)
        // An empty file, or one that is nothing but a hole, says that there is no data.
        return result >= 0 || BlockIO.meaning(of: result) == .gone
    }

    /// Whether a file system makes holes: asked past the end of the file, where there is nothing.
    private static func addHoles(
        of file: OwnedFD, size: UInt64, to properties: inout BlockProperties
    ) {
        let place = (size + 0xffff) & ~0xffff
        guard BlockIO.punch(file.raw, at: place, count: 4096) >= 0 else { return }
        properties.trimGranularity = 4096
        properties.capabilities.formUnion([.trim, .trimmedReadsZero, .fastZeroes])
    }

    /// Whether a block device discards and zeroes, by what the kernel says in sysfs.
    ///
    /// Source: the kernel's Documentation/ABI/stable/sysfs-block.
    private static func addDiscard(of file: OwnedFD, to properties: inout BlockProperties) {
        guard let device = try? Files.status(file).specialDevice else { return }
        let name = BlockNode.name(of: device)
        if limit("discard_max_bytes", of: name) > 0 {
            properties.capabilities.insert(.trim)
            let granularity = limit("discard_granularity", of: name)
            properties.trimGranularity = max(
                UInt32(clamping: granularity), properties.logicalBlockSize)
        }
        if limit("write_zeroes_max_bytes", of: name) > 0 {
            properties.capabilities.insert(.fastZeroes)
        }
    }

    /// A number of a device's queue; a partition has its disk's.
    private static func limit(_ name: String, of device: String) -> UInt64 {
        for folder in ["queue", "../queue"] {
            let path = "/sys/dev/block/\(device)/\(folder)/\(name)"
            guard let text = try? Files.readText(path, limit: 64) else { continue }
            return UInt64(text.prefix { $0.isNumber }) ?? 0
        }
        return 0
    }
}
