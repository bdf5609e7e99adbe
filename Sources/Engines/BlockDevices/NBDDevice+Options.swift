extension NBDDevice {
    /// How a device is used.
    public struct Options: Sendable {
        /// The export's name; empty for the server's default.
        public var export: String
        /// Whether it may be written, where the server allows it.
        public var isWritable: Bool
        /// The most connections: 1 to 64.
        public var connections: Int
        /// How long a request, or connecting, may take, in milliseconds.
        public var timeoutMilliseconds: Int64
        /// How long a flush or a forced write may take, in milliseconds: a slow disk may have
        /// gigabytes to write until then.
        public var flushTimeoutMilliseconds: Int64
        /// What initiators are told; 512 or 4096.
        public var logicalBlockSize: UInt32

        /// Collects the options.
        public init(
            export: String = "", isWritable: Bool, connections: Int = 8,
            timeoutMilliseconds: Int64 = 30_000, flushTimeoutMilliseconds: Int64 = 600_000,
            logicalBlockSize: UInt32 = 512
        ) {
            self.export = export
            self.isWritable = isWritable
            self.connections = connections
            self.timeoutMilliseconds = timeoutMilliseconds
            self.flushTimeoutMilliseconds = flushTimeoutMilliseconds
            self.logicalBlockSize = logicalBlockSize
        }
    }
}
