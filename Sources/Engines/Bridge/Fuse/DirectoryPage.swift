import CFUSE

/// Directory entries as the kernel wants them: struct fuse_dirent and struct fuse_direntplus.
struct DirectoryPage {
    private static let plainSize = 24
    private static let entrySize = MemoryLayout<fuse_entry_out>.size

    private let memory: UnsafeMutableRawBufferPointer
    private var filled = 0

    /// Writes into memory that somebody else keeps.
    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    /// What has been written.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[..<filled])
    }

    /// Whether an entry with a name of this length fits.
    func hasRoom(_ nameCount: Int, plus: Bool) -> Bool {
        size(nameCount, plus) <= memory.count - filled
    }

    /// Appends an entry; false where it does not fit.
    ///
    /// - Parameter entry: makes it a fuse_direntplus; with node 0 the kernel takes the name only.
    mutating func append(
        inode: UInt64, cookie: UInt64, mode: UInt32, name: ArraySlice<UInt8>,
        entry: fuse_entry_out? = nil
    ) -> Bool {
        let size = size(name.count, entry != nil)
        guard size <= memory.count - filled else { return false }
        var position = filled
        if let entry {
            memory.storeBytes(of: entry, toByteOffset: position, as: fuse_entry_out.self)
            position += Self.entrySize
        }
        memory.storeBytes(of: inode, toByteOffset: position, as: UInt64.self)
        memory.storeBytes(of: cookie, toByteOffset: position + 8, as: UInt64.self)
        memory.storeBytes(of: UInt32(name.count), toByteOffset: position + 16, as: UInt32.self)
        memory.storeBytes(of: mode >> 12, toByteOffset: position + 20, as: UInt32.self)
        position += Self.plainSize
        let end = filled + size
        name.withUnsafeBytes { bytes in
            let target = UnsafeMutableRawBufferPointer(rebasing: memory[position..<end])
            target.copyMemory(from: bytes)
            for index in bytes.count..<target.count { target[index] = 0 }
        }
        filled = end
        return true
    }

    private func size(_ nameCount: Int, _ plus: Bool) -> Int {
        ((plus ? Self.entrySize : 0) + Self.plainSize + nameCount + 7) & ~7
    }
}
