/// A program, and everything of the host that it may touch.
public struct SandboxedProgram: Sendable {
    /// One thing of the host that appears inside.
    public enum Grant: Sendable, Equatable {
        /// The file at a path, read-only.
        case file(String, at: String)
        /// The file that a descriptor has open, whatever its path has come to mean since.
        case descriptor(Int32, at: String, writable: Bool)
        /// A Unix socket at a path, to connect to.
        case socket(String, at: String)
        /// A folder made for this program alone, to write in.
        case folder(String, at: String)
        /// A device node; it can be opened inside for what its permissions allow.
        case device(String, at: String)
        /// An empty folder in memory.
        case memory(at: String, bytes: UInt64)
        /// The process list of the sandbox's own process namespace.
        case processes
    }

    /// Absolute path of the program on the host; the same inside.
    public var path: String
    /// Its arguments, without its own name.
    public var arguments: [String]
    /// Files that it loads as shared libraries while it runs, by path; the same inside.
    public var modules: [String]
    /// What else appears inside; nothing does by default.
    public var grants: [Grant]
    /// The caller's descriptors that become 0, 1, 2 … inside; -1 is /dev/null.
    public var descriptors: [Int32]
    /// The whole environment inside, besides the path of the libraries.
    public var environment: [(name: String, value: String)]
    /// The system calls that it may make.
    public var filter: SystemCallFilter

    /// Describes a program that sees its own libraries and nothing else.
    public init(
        path: String, arguments: [String], modules: [String] = [], grants: [Grant] = [],
        descriptors: [Int32] = [-1, -1, -1],
        environment: [(name: String, value: String)] = [], filter: SystemCallFilter
    ) {
        self.path = path
        self.arguments = arguments
        self.modules = modules
        self.grants = grants
        self.descriptors = descriptors
        self.environment = environment
        self.filter = filter
    }
}
