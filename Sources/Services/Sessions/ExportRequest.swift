public import LocalDisk
public import Targets

/// What `causeway export` asks of a session: blocks for clients instead of a folder.
public struct ExportRequest: Codable, Sendable {
    /// One thing to listen on.
    public struct Endpoint: Codable, Sendable, Equatable {
        /// What is spoken there.
        public var `protocol`: ExportProtocol
        /// Where; nil for the protocol's own port on 127.0.0.1, or any free one where that is
        /// taken.
        public var address: ListenAddress?

        /// Names an endpoint.
        public init(_ protocol: ExportProtocol, _ address: ListenAddress? = nil) {
            self.protocol = `protocol`
            self.address = address
        }
    }

    /// Where clients find it.
    public var endpoints: [Endpoint]
    /// The export's name; nil for one made from the source's.
    public var name: String?
    /// The iSCSI target's name; nil for one made from the export's.
    public var iscsiName: String?
    /// Unit of addressing, in bytes; nil for the source's own.
    public var sectorSize: UInt32?
    /// The absolute path of a new file that takes every change and flush in its order; nil for
    /// none.
    public var recording: String?
    /// Whether writes over AoE are answered before they are durable.
    public var answersEarly = false
    /// Whether this host's own kernel is to show it as a device; nil: no.
    public var attach: AttachRequest?
    /// Whether a guest opens the source and speaks with the clients, in place of a process of this
    /// host.
    public var inGuest = false
    /// Who may attach.
    public var access: ExportAccess

    /// Asks for these endpoints, open to this host.
    public init(endpoints: [Endpoint]) {
        self.endpoints = endpoints
        access = ExportAccess()
    }
}

/// A device of this host that is asked for.
public struct AttachRequest: Codable, Sendable, Equatable {
    /// How; nil for the first way that works.
    public var way: AttachWay?

    /// Asks for a device.
    public init(_ way: AttachWay? = nil) { self.way = way }
}
