public import AoEWire

/// What a target process serves, and where.
///
/// The session sends it as the first line over the process's descriptor 3; the descriptors that
/// it names are the process's own.
public struct TargetPlan: Codable, Sendable {
    /// Where the blocks come from.
    public enum Store: Codable, Sendable {
        /// An open file or block device.
        case descriptor(Int32)
        /// A storage daemon's NBD socket, and the export's name on it.
        case daemon(socket: String, name: String)
        /// A block device, by its path: a guest's disk, which may be a moment in coming.
        case device(path: String)
    }

    /// Where clients come in.
    public struct Listener: Codable, Sendable {
        /// What listens.
        public enum Place: Codable, Sendable {
            /// A socket that listens already.
            case descriptor(Int32)
            /// A numeric address of the machine's own, and a port.
            case address(String, port: UInt16)
        }

        /// What listens.
        public var place: Place
        /// What is spoken there.
        public var `protocol`: ExportProtocol

        /// Names a listener.
        public init(_ place: Place, _ protocol: ExportProtocol) {
            self.place = place
            self.protocol = `protocol`
        }
    }

    /// Ethernet, for ATA over Ethernet: what the process cannot find out by itself.
    public struct Link: Codable, Sendable {
        /// The disk's place on it.
        public var address: AoEAddress
        /// The interface's own address.
        public var mac: MACAddress
        /// The interface's number.
        public var interface: Int32
        /// Bytes of its longest packet.
        public var mtu: Int
        /// Whether writes are answered before they are durable.
        public var writeBack: Bool
        /// The file that keeps what clients store, by its path inside the process.
        public var keptFile: String

        /// Describes a link.
        public init(
            address: AoEAddress, mac: MACAddress, interface: Int32, mtu: Int, writeBack: Bool,
            keptFile: String
        ) {
            self.address = address
            self.mac = mac
            self.interface = interface
            self.mtu = mtu
            self.writeBack = writeBack
            self.keptFile = keptFile
        }
    }

    /// A door for the host's own kernel, which others cannot use: by its place or by its secret.
    public enum Attachment: Codable, Sendable {
        /// A listening Unix socket in a folder of the user's own; NBD without TLS.
        case nbd(descriptor: Int32)
        /// A socket that listens on this host alone; iSCSI with a name and a secret of its own.
        case iscsi(descriptor: Int32, name: String, credential: ExportAccess.Credential)
        /// A mounted FUSE folder, in which the disk becomes a file of this name and owner.
        case file(descriptor: Int32, name: String, user: UInt32, group: UInt32)
    }

    /// Where the blocks come from.
    public var store: Store
    /// First byte of the part that is served.
    public var offset: UInt64
    /// Its length in bytes; nil for everything from there on.
    public var length: UInt64?
    /// Whether nothing may be written.
    public var readOnly: Bool
    /// Unit of addressing, in bytes.
    public var logicalBlockSize: UInt32
    /// Unit that is written without a read before, in bytes.
    public var physicalBlockSize: UInt32
    /// The export's name.
    public var name: String
    /// What stays the same for the same source: serial numbers are made from it.
    public var identity: String
    /// Who may come in, and how it is proved.
    public var access: ExportAccess
    /// The iSCSI name of the target.
    public var iscsiName: String
    /// Where to listen.
    public var listeners: [Listener]
    /// Set where clients come through a relay, which others than the session's cannot reach: the
    /// addresses that discovering initiators are told; none for the one that each came to.
    public var relayedPortals: [String]?
    /// The door for this host's own kernel, beside the listeners.
    public var attachment: Attachment?
    /// The file that keeps persistent reservations (APTPL), by its path inside the process; nil
    /// keeps them in memory.
    public var reservations: String?
    /// The descriptor of an empty file that takes every change and flush
    /// (`docs/formats/block-log.md`); nil for none.
    public var recording: Int32?
    /// Where the listener for ATA over Ethernet is; there is one at most.
    public var link: Link?

    /// Plans to serve a whole store under a name.
    public init(
        store: Store, readOnly: Bool, name: String, identity: String,
        iscsiName: String
    ) {
        self.store = store
        self.readOnly = readOnly
        self.name = name
        self.identity = identity
        self.iscsiName = iscsiName
        offset = 0
        logicalBlockSize = 512
        physicalBlockSize = 4096
        access = ExportAccess()
        listeners = []
    }
}

/// Who may attach, and how it is proved.
public struct ExportAccess: Codable, Sendable {
    /// A name and its secret.
    public struct Credential: Codable, Sendable {
        /// User name.
        public var user: String
        /// Secret in clear, as CHAP needs it.
        public var secret: String

        /// Collects the two.
        public init(user: String, secret: String) {
            self.user = user
            self.secret = secret
        }
    }

    /// Initiators prove one of these (iSCSI: CHAP); none: nobody is asked.
    public var credentials: [Credential] = []
    /// The target proves this to initiators that ask (iSCSI: mutual CHAP).
    public var own: Credential?
    /// iSCSI names of the initiators that may log in; none: any.
    public var initiators: [String] = []
    /// TLS for NBD.
    public var tls: TLS?
    /// Hardware addresses of the hosts that AoE listens to; none: any.
    ///
    /// They prove nothing: who can send on the link can send as anybody.
    public var hosts: [MACAddress] = []

    /// Nobody is asked anything.
    public init() {}

    /// What TLS proves, as PEM text, or keys shared beforehand.
    public struct TLS: Codable, Sendable {
        /// The server's certificate chain, PEM.
        public var certificate: String?
        /// Its private key, PEM.
        public var key: String?
        /// The authority that clients' certificates must come from, PEM.
        public var clientAuthority: String?
        /// Keys by user name, in hexadecimal (`user:key` lines, as GnuTLS writes them).
        public var sharedKeys: String?

        /// No certificate and no keys.
        public init() {}
    }

    /// Whether a stranger is turned away on every protocol of these.
    public func isProtected(_ protocol: ExportProtocol) -> Bool {
        switch `protocol` {
        case .iscsi: !credentials.isEmpty
        case .nbd: tls?.clientAuthority != nil || tls?.sharedKeys != nil
        case .aoe: !hosts.isEmpty
        }
    }
}
