import CPlatform
import Glibc

/// Sockets that send and receive Ethernet frames.
///
/// Any thread; sends from several threads do not mix. Frames come and go in batches of at most
/// `batch`.
public enum PacketSocket {
    /// Most frames of one call.
    public static let batch = 64

    /// Opens a socket for the ATA over Ethernet questions to one shelf and slot, or to all; or for
    /// the answers that come from there.
    ///
    /// The kernel drops other frames. `buffer` is the wanted size of the socket's
    /// buffers in bytes. Throws EPERM without CAP_NET_RAW in the network namespace.
    public static func openAoE(
        on interface: NetworkInterface, shelf: UInt16, slot: UInt8, buffer: Int32,
        answers: Bool = false
    ) throws(SystemError) -> OwnedFD {
        OwnedFD(
            taking: try checked(
                cp_packet_aoe(interface.index, shelf, slot, buffer, answers ? 1 : 0),
                "open a packet socket on \(interface.name)"))
    }

    /// Bytes that may wait in the socket's receive buffer, the kernel's overhead included.
    public static func receiveBuffer(_ raw: Int32) throws(SystemError) -> Int {
        Int(try checked(cp_socket_receive_buffer(raw), "getsockopt SO_RCVBUF"))
    }

    /// Makes receiving and sending give up after this time, where nothing comes or a queue does
    /// not empty.
    public static func setTimeout(_ raw: Int32, milliseconds: Int64) throws(SystemError) {
        try checked(cp_socket_timeouts(raw, milliseconds * 1000), "setsockopt SO_RCVTIMEO")
    }

    /// The MTU now of the interface with this number; nil where it is gone.
    public static func mtu(_ raw: Int32, interface index: Int32) -> Int? {
        let mtu = cp_interface_mtu(raw, index)
        return mtu < 0 ? nil : Int(mtu)
    }

    /// Whether a negated errno says that nothing had come, or nothing could go.
    public static func isEmpty(_ result: Int) -> Bool { result == -Int(EAGAIN) }

    /// Whether a negated errno says that a frame is longer than the interface carries.
    public static func isTooLong(_ result: Int) -> Bool { result == -Int(EMSGSIZE) }
}

/// Places for frames that are received together.
///
/// One thread. The places' memory belongs to whoever set them.
public struct FramePlaces: ~Copyable {
    private let frames: UnsafeMutableBufferPointer<cp_frame>

    /// Makes so many places without memory.
    public init(count: Int) {
        frames = .allocate(capacity: count)
        frames.initialize(repeating: cp_frame())
    }

    deinit { frames.deallocate() }

    /// Gives a place its memory.
    public mutating func set(_ place: Int, to memory: UnsafeMutableRawBufferPointer) {
        frames[place].bytes = memory.baseAddress
        frames[place].room = UInt32(clamping: memory.count)
    }

    /// Waits for a frame, as long as `setTimeout` said, and receives what is there then into the
    /// first places; how many frames, or below zero a negated errno.
    public mutating func receive(_ raw: Int32) -> Int {
        Int(cp_frames_receive(raw, frames.baseAddress, UInt32(frames.count)))
    }

    /// The bytes that the last call received at a place; nil where the frame was longer than the
    /// place.
    public func bytes(_ place: Int) -> UnsafeRawBufferPointer? {
        let frame = frames[place]
        guard frame.length <= frame.room else { return nil }
        return UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.length))
    }
}

/// Frames that are sent together: heads, and bodies that lie elsewhere.
///
/// One thread. The memory must stay until `send`.
public struct FrameQueue: ~Copyable {
    private let frames: UnsafeMutableBufferPointer<cp_frame_parts>
    /// How many wait.
    public private(set) var count = 0

    /// Nothing waits.
    public init() {
        frames = .allocate(capacity: PacketSocket.batch)
        frames.initialize(repeating: cp_frame_parts())
    }

    deinit { frames.deallocate() }

    /// Whether `send` must come before the next `add`.
    public var isFull: Bool { count == frames.count }

    /// Adds a frame.
    public mutating func add(head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        precondition(!isFull, "room for a frame")
        frames[count] = cp_frame_parts(
            head: head.baseAddress, body: body.baseAddress, head_length: UInt32(head.count),
            body_length: UInt32(body.count))
        count += 1
    }

    /// Sends everything, in order, and is empty then; what the network does not take is lost.
    ///
    /// Returns the last negated errno, or 0.
    public mutating func send(_ raw: Int32) -> Int {
        var failure = 0
        var done = 0
        while done < count {
            let rest = UnsafeBufferPointer(rebasing: frames[done..<count])
            let sent = Int(cp_frames_send(raw, rest.baseAddress, UInt32(rest.count)))
            if sent < 0 { failure = sent }
            if PacketSocket.isEmpty(sent) { break }
            // The frame that was refused is lost.
            done += max(1, sent)
        }
        count = 0
        return failure
    }
}
