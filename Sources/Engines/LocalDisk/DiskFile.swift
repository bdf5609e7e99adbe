public import BlockDevice
import FUSEWire
public import Platform
import Synchronization

/// A block device as a file: a FUSE folder that holds this one file and nothing else.
///
/// The kernel's requests are answered by a few threads, each with one request at a time. What is
/// read and written goes past the page cache of the file, so that a flush is a flush of the device
/// and nothing is kept twice where a loop device stands on it. The size is fixed. Any thread.
public final class DiskFile: Sendable {
    /// How the file appears.
    public struct Appearance: Sendable {
        /// Its name in the folder.
        public var name: String
        /// Its owner.
        public var user: UInt32
        /// Its group.
        public var group: UInt32
        /// Whether it can be opened for writing.
        public var isWritable: Bool

        /// Describes the file.
        public init(name: String, user: UInt32, group: UInt32, isWritable: Bool) {
            self.name = name
            self.user = user
            self.group = group
            self.isWritable = isWritable
        }
    }

    /// The most threads: one reads while the others wait for the device.
    static let threadLimit = 8
    /// The file's node; the folder's is `FUSEWire.root`.
    static let node: UInt64 = 2
    /// How long the kernel may rely on names and attributes, in seconds.
    static let cacheSeconds: UInt64 = 3600

    let device: any BlockDevice
    let appearance: Appearance
    let started = Clock.wallSeconds()
    private let read = Atomic<UInt64>(0)
    private let written = Atomic<UInt64>(0)

    /// Describes a device as a file; nothing is served yet.
    public init(_ device: any BlockDevice, appearance: Appearance) {
        self.device = device
        self.appearance = appearance
    }

    /// Loads the kernel's FUSE where it is a module and not there yet; what is missing after that,
    /// the mount says.
    public static func prepareKernel() {
        if !Files.exists("/dev/fuse") { _ = KernelModule.load("fuse") }
    }

    /// Bytes that were read and written through the file.
    public var figures: (read: UInt64, written: UInt64) {
        (read.load(ordering: .relaxed), written.load(ordering: .relaxed))
    }

    func count(read bytes: Int) { read.add(UInt64(bytes), ordering: .relaxed) }
    func count(written bytes: Int) { written.add(UInt64(bytes), ordering: .relaxed) }

    /// Serves a mounted FUSE descriptor, until the folder is unmounted; returns at once.
    public func serve(_ descriptor: OwnedFD) throws(SystemError) {
        try descriptor.setNonblocking(false)
        let count = max(2, min(device.properties.parallelism, Self.threadLimit))
        for _ in 0..<count {
            let worker = DiskFileWorker(self, descriptor)
            try WorkerThread.start { worker.serve() }
        }
    }
}
