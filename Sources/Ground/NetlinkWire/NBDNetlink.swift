public import Bytes

/// What the kernel's NBD client is asked by generic netlink.
///
/// Source: include/uapi/linux/nbd-netlink.h and drivers/block/nbd.c of Linux 6.1.
public enum NBDNetlink {
    /// The name under which the client registers.
    public static let family = "nbd"
    /// The most connections of one device that are asked for.
    public static let connectionLimit = 16
    private static let version: UInt8 = 1

    private enum Command {
        static let connect: UInt8 = 1
        static let disconnect: UInt8 = 2
        static let reconfigure: UInt8 = 3
    }

    private enum Attribute {
        static let index: UInt16 = 1
        static let size: UInt16 = 2
        static let blockSize: UInt16 = 3
        static let timeout: UInt16 = 4
        static let serverFlags: UInt16 = 5
        static let clientFlags: UInt16 = 6
        static let sockets: UInt16 = 7
        static let deadTimeout: UInt16 = 8
        static let backend: UInt16 = 10
    }

    /// A device that the kernel is to make.
    public struct Device: Equatable, Sendable {
        /// Descriptors of connections whose handshake is over, in the caller's numbers.
        public var sockets: [Int32]
        /// Size in bytes: a multiple of the block size.
        public var size: UInt64
        /// Unit of addressing in bytes: a power of two, 512 to the size of a page.
        public var blockSize: UInt32
        /// The server's transmission flags.
        public var serverFlags: UInt16
        /// After how many seconds a request counts as lost; 0: never.
        public var timeoutSeconds: UInt64
        /// Who the device belongs to; kernels since 5.14 show it in sysfs.
        public var owner: String

        /// Describes a device.
        public init(
            sockets: [Int32], size: UInt64, blockSize: UInt32, serverFlags: UInt16,
            timeoutSeconds: UInt64, owner: String
        ) {
            self.sockets = sockets
            self.size = size
            self.blockSize = blockSize
            self.serverFlags = serverFlags
            self.timeoutSeconds = timeoutSeconds
            self.owner = owner
        }
    }

    /// Makes a device of the first free number, which the answer brings.
    ///
    /// Requests on connections that are dead fail at once: nobody will bring another one.
    public static func connect(
        _ device: Device, family: UInt16, sequence: UInt32
    ) -> NetlinkMessage {
        precondition(
            (1...connectionLimit).contains(device.sockets.count), "1 to 16 connections")
        let sockets = device.sockets.map { socket in
            NetlinkAttribute(1, nesting: [NetlinkAttribute(1, UInt32(bitPattern: socket))])
        }
        return GenericNetlink.request(
            family: family, command: Command.connect, version: version, sequence: sequence,
            [
                NetlinkAttribute(Attribute.size, device.size),
                NetlinkAttribute(Attribute.blockSize, UInt64(device.blockSize)),
                NetlinkAttribute(Attribute.timeout, device.timeoutSeconds),
                NetlinkAttribute(Attribute.deadTimeout, UInt64(0)),
                NetlinkAttribute(Attribute.serverFlags, UInt64(device.serverFlags)),
                NetlinkAttribute(Attribute.backend, text: device.owner),
                NetlinkAttribute(Attribute.sockets, nesting: sockets),
            ])
    }

    /// Whether the kernel disconnects a device when its last user closes it
    /// (NBD_CFLAG_DISCONNECT_ON_CLOSE).
    public static func disconnectOnClose(
        _ on: Bool, index: UInt32, owner: String, family: UInt16, sequence: UInt32
    ) -> NetlinkMessage {
        GenericNetlink.request(
            family: family, command: Command.reconfigure, version: version, sequence: sequence,
            [
                NetlinkAttribute(Attribute.index, index),
                NetlinkAttribute(Attribute.clientFlags, UInt64(on ? 2 : 0)),
                NetlinkAttribute(Attribute.backend, text: owner),
            ])
    }

    /// Takes a device's connections away; what waits on it fails.
    public static func disconnect(
        index: UInt32, family: UInt16, sequence: UInt32
    ) -> NetlinkMessage {
        GenericNetlink.request(
            family: family, command: Command.disconnect, version: version, sequence: sequence,
            [NetlinkAttribute(Attribute.index, index)])
    }

    /// The device's number in an answer to `connect`; nil where the message is another one.
    public static func index(
        in message: NetlinkMessage, family: UInt16
    ) throws(BytesError) -> UInt32? {
        guard message.type == family else { return nil }
        return try GenericNetlink.attributes(of: message)
            .first { $0.type == Attribute.index }?.number()
    }
}
