import CPlatform
import Glibc

/// Files without a name, in memory.
public enum MemoryFile {
    /// Makes a file with this content, padded to `size` bytes by a hole that takes no memory.
    public static func make(
        named name: String, content: [UInt8], size: UInt64
    ) throws(SystemError) -> OwnedFD {
        let file = OwnedFD(taking: try checked(cp_memfd(name), "memfd_create"))
        try Files.writeAll(content, to: file.raw)
        if size > UInt64(content.count) { try Files.truncate(file, to: size) }
        return file
    }
}
