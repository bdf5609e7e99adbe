import Bytes
import NFSWire

/// One export as the server keeps it.
struct ServedExport {
    /// What the session said of it.
    var description: BridgeExport
    /// Its root, as files are found and changed through it.
    var root: FileHandle
    /// Whether the guest exports it twice; see `StrictHandle`.
    var isTwofold = false
    /// The server's number for its file system.
    var fileSystem: UInt64 = 0
    /// Longest name in bytes.
    var nameLimit: UInt32 = UInt32(NFSLimits.name)
    /// Whether names are compared without case: nil while that is not known.
    var isCaseInsensitive: Bool?
    /// The kernel's number of its root.
    var rootNode: UInt64 = NodeTable.root
    /// The hidden folder for open files without a name, once it is there.
    var hiddenFolder: FileHandle?
    /// Counts hidden files.
    var hiddenCount: UInt64 = 0
    /// Whether extended attributes of users are known not to exist here.
    var lacksAttributes = false

    /// Whether what the kernel knows of names may be kept: no other spelling finds the same file.
    var keepsNames: Bool { isCaseInsensitive == false }
}

/// The agent exports every file system twice, under two numbers: *strict*, where a change is on
/// the disk when it is answered, and *relaxed*, where it is when it is committed.
///
/// Both name the same files; their handles differ in the export's number alone.
///
/// Layout of the kernel's handles (fs/nfsd/nfsfh.h): version 1, auth type 0, fsid type 1, file id
/// type, then the number in the guest's byte order, strict even, relaxed the odd one after it.
enum StrictHandle {
    /// Whether a handle has that layout.
    static func isKnownLayout(_ handle: FileHandle) -> Bool {
        let bytes = handle.bytes
        return bytes.count >= 8 && bytes[0] == 1 && bytes[1] == 0 && bytes[2] == 1
    }

    /// The same file in the relaxed export.
    static func relaxed(_ handle: FileHandle) -> FileHandle { replacing(handle) { $0 | 1 } }

    /// The same file in the strict export.
    static func strict(_ handle: FileHandle) -> FileHandle { replacing(handle) { $0 & ~1 } }

    private static func replacing(
        _ handle: FileHandle, _ change: (UInt8) -> UInt8
    ) -> FileHandle {
        var bytes = handle.bytes
        guard bytes.count >= 8 else { return handle }
        bytes[4] = change(bytes[4])
        return FileHandle(bytes) ?? handle
    }
}
