import BlockDevice
import FUSEWire
import Glibc

/// Everything but reading and writing.
extension DiskFile {
    private static let keepSize: UInt32 = 1
    private static let punchHole: UInt32 = 2
    private static let zeroRange: UInt32 = 0x10
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    /// Answers a request about a node: the folder or the file.
    func answer(_ call: FUSECall, node: UInt64) -> FUSEReply {
        switch call {
        case .`init`(let offer): return Self.initialize(offer)
        case .destroy: return .done
        case .statfs: return statistics
        case .other: return .failure(ENOSYS)
        default: break
        }
        return node == Self.node ? answerAboutFile(call) : answerAboutFolder(call)
    }

    private static func initialize(_ offer: FUSEInitOffer) -> FUSEReply {
        guard offer.major == FUSEWire.major, offer.minor >= FUSEWire.oldestMinor else {
            return .failure(EPROTO)
        }
        let wanted: FUSEInitFlags = [
            .asyncRead, .bigWrites, .asyncDirectIO, .parallelDirectoryOperations, .maxPages,
            .noOpendirSupport,
        ]
        return .`init`(
            FUSEInitAnswer(
                maximumReadahead: UInt32(FUSEWire.Limits.transfer),
                flags: wanted.intersection(offer.flags), maximumBackground: 128))
    }

    private func answerAboutFolder(_ call: FUSECall) -> FUSEReply {
        switch call {
        case .lookup(let name):
            guard name == Array(appearance.name.utf8) else { return .failure(ENOENT) }
            return .entry(
                FUSEEntry(
                    node: Self.node, generation: 0, nameSeconds: Self.cacheSeconds,
                    attributeSeconds: Self.cacheSeconds, attributes: fileAttributes))
        case .getattr: return .attributes(folderAttributes, seconds: Self.cacheSeconds)
        case .readdir(let offset, let limit): return list(from: offset, limit: limit)
        case .fsyncdir: return .done
        case .open: return .failure(EISDIR)
        case .setattr, .mknod, .mkdir, .symlink, .link, .unlink, .rmdir, .rename:
            return .failure(EROFS)
        default: return .failure(ENOSYS)
        }
    }

    private func answerAboutFile(_ call: FUSECall) -> FUSEReply {
        switch call {
        case .getattr: return .attributes(fileAttributes, seconds: Self.cacheSeconds)
        case .setattr(let new): return change(new)
        case .open(let flags):
            let writes = flags & UInt32(O_ACCMODE) != UInt32(O_RDONLY)
            if writes && !appearance.isWritable { return .failure(EROFS) }
            return .opened(handle: 0, flags: [.directIO, .noFlush, .parallelDirectWrites])
        case .fsync: return done { () throws(BlockError) in try device.flush() }
        case .fallocate(let offset, let length, let mode):
            return allocate(BlockRange(offset: offset, length: length), mode)
        case .lseek(let offset, let whence): return seek(offset, Int32(bitPattern: whence))
        case .lookup, .readdir, .readdirplus: return .failure(ENOTDIR)
        default: return .failure(ENOSYS)
        }
    }

    /// The size of a disk does not change, nor its owner; times are nobody's business.
    private func change(_ new: FUSESetAttributes) -> FUSEReply {
        if new.mask.contains(.size), new.size != device.size { return .failure(EPERM) }
        if !new.mask.isDisjoint(with: [.mode, .user, .group]) { return .failure(EPERM) }
        return .attributes(fileAttributes, seconds: Self.cacheSeconds)
    }

    /// Discards are holes, as loop devices ask for them; they read as zeros from then on.
    private func allocate(_ range: BlockRange, _ mode: UInt32) -> FUSEReply {
        guard range.lies(within: device.size) else { return .failure(EFBIG) }
        switch mode {
        case 0, Self.keepSize: return .done
        case Self.punchHole | Self.keepSize:
            return done { () throws(BlockError) in
                try device.writeZeroes(range, options: .mayTrim)
            }
        case Self.zeroRange, Self.zeroRange | Self.keepSize:
            return done { () throws(BlockError) in try device.writeZeroes(range, options: []) }
        default: return .failure(EOPNOTSUPP)
        }
    }

    /// SEEK_DATA and SEEK_HOLE.
    private func seek(_ offset: UInt64, _ whence: Int32) -> FUSEReply {
        guard whence == Self.seekData || whence == Self.seekHole else { return .failure(EINVAL) }
        let size = device.size
        guard offset < size else { return .failure(ENXIO) }
        var place = offset
        do throws(BlockError) {
            while place < size {
                let range = BlockRange(offset: place, length: min(1 << 30, size - place))
                for extent in try device.extents(in: range, limit: 256) {
                    if extent.readsZero == (whence == Self.seekHole) { return .position(place) }
                    place += extent.length
                }
            }
        } catch { return .failure(Self.errno(error)) }
        return whence == Self.seekHole ? .position(size) : .failure(ENXIO)
    }

    private func list(from offset: UInt64, limit: Int) -> FUSEReply {
        var writer = FUSEDirectoryWriter(limit: limit)
        let folder = UInt8(truncatingIfNeeded: S_IFDIR >> 12)
        let names: [([UInt8], UInt64, UInt8)] = [
            (Array(".".utf8), FUSEWire.root, folder), (Array("..".utf8), FUSEWire.root, folder),
            (Array(appearance.name.utf8), Self.node, UInt8(truncatingIfNeeded: S_IFREG >> 12)),
        ]
        for (index, (name, inode, kind)) in names.enumerated().dropFirst(Int(clamping: offset)) {
            guard writer.fits(nameCount: name.count, plus: false) else { break }
            writer.append(name: name, inode: inode, offset: UInt64(index + 1), kind: kind)
        }
        return .data(writer.bytes)
    }

    private func done(_ body: () throws(BlockError) -> Void) -> FUSEReply {
        do throws(BlockError) {
            try body()
            return .done
        } catch { return .failure(Self.errno(error)) }
    }

    /// A device's error as programs see it.
    static func errno(_ error: BlockError) -> Int32 {
        switch error {
        case .outOfRange: EINVAL
        case .readOnly: EROFS
        case .notSupported: EOPNOTSUPP
        case .noSpace: ENOSPC
        case .medium, .gone: EIO
        }
    }
}

/// What stat(2) and statfs(2) say.
extension DiskFile {
    private func attributes(
        inode: UInt64, size: UInt64, mode: UInt32, links: UInt32
    ) -> FUSEAttributes {
        let time = FUSETime(seconds: UInt64(max(0, started)), nanoseconds: 0)
        return FUSEAttributes(
            inode: inode, size: size, blocks: (size + 511) / 512, accessTime: time,
            modificationTime: time, changeTime: time, mode: mode, linkCount: links,
            user: appearance.user, group: appearance.group, device: 0,
            blockSize: max(4096, device.properties.physicalBlockSize))
    }

    private var folderAttributes: FUSEAttributes {
        attributes(inode: FUSEWire.root, size: 0, mode: UInt32(S_IFDIR) | 0o500, links: 2)
    }

    private var fileAttributes: FUSEAttributes {
        let permissions: UInt32 = appearance.isWritable ? 0o600 : 0o400
        return attributes(
            inode: Self.node, size: device.size, mode: UInt32(S_IFREG) | permissions, links: 1)
    }

    private var statistics: FUSEReply {
        .statistics(
            FUSEStatistics(
                blocks: (device.size / 4096, 0, 0), files: (1, 0), blockSize: 4096,
                fragmentSize: 4096, nameLength: 255))
    }
}
