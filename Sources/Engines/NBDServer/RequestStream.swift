import Bytes
import NBDWire

/// Cuts what a client sends in the transmission phase into requests and payloads: a pure value.
///
/// Holds at most one partial header; payloads are handed on in the pieces they arrive in. Nothing
/// is allocated.
struct RequestStream: Sendable {
    enum Event {
        /// A request without payload, or whose payload follows as `payload` events.
        case request(NBDRequest)
        /// A request that is answered with an error; its payload has been passed over.
        case refused(NBDRequest, NBDErrorNumber, String)
        /// The next bytes of the current request's payload; `isLast` where it is whole.
        case payload(UnsafeRawBufferPointer, isLast: Bool)
        /// NBD_CMD_DISC; nothing follows.
        case disconnect
        /// The stream cannot be followed any further; in words.
        case violation(String)
    }

    private enum Phase {
        case header
        case payload
        case skipping(NBDRequest, NBDErrorNumber, String)
        case ended
    }

    let session: NBDSession
    private var phase = Phase.header
    private var held = InlineArray<32, UInt8>(repeating: 0)
    private var heldCount = 0
    private var left: UInt64 = 0

    init(_ session: NBDSession) { self.session = session }

    /// Whether a request has begun to arrive and is not whole.
    var isMidRequest: Bool {
        if case .header = phase { return heldCount > 0 }
        if case .ended = phase { return false }
        return true
    }

    /// Bytes of the current payload that are still to come.
    var payloadLeft: Int {
        if case .payload = phase { return Int(left) }
        return 0
    }

    /// Tells that `count` bytes of the current payload, at most `payloadLeft`, went another way.
    mutating func took(_ count: Int) {
        precondition(count <= payloadLeft, "more taken than is left")
        left -= UInt64(count)
        if left == 0 { phase = .header }
    }

    /// The next event of `bytes`, which shrink from the front; nil where more bytes are needed.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) -> Event? {
        switch phase {
        case .header: return nextHeader(&bytes)
        case .payload:
            guard !bytes.isEmpty else { return nil }
            let piece = take(&bytes)
            if left == 0 { phase = .header }
            return .payload(piece, isLast: left == 0)
        case .skipping(let request, let error, let message):
            _ = take(&bytes)
            guard left == 0 else { return nil }
            phase = .header
            return .refused(request, error, message)
        case .ended: return nil
        }
    }

    /// Cuts off what belongs to the current payload.
    private mutating func take(_ bytes: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let count = Int(min(left, UInt64(bytes.count)))
        let piece = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        left -= UInt64(count)
        return piece
    }

    private mutating func nextHeader(_ bytes: inout UnsafeRawBufferPointer) -> Event? {
        let size = session.style.requestSize
        if heldCount == 0, bytes.count >= size {
            let header = UnsafeRawBufferPointer(rebasing: bytes[..<size])
            bytes = UnsafeRawBufferPointer(rebasing: bytes[size...])
            return begin(header, &bytes)
        }
        let count = min(size - heldCount, bytes.count)
        for index in 0..<count { held[heldCount + index] = bytes[index] }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        heldCount += count
        guard heldCount == size else { return nil }
        heldCount = 0
        let copy = held
        return withUnsafeBytes(of: copy) {
            begin(UnsafeRawBufferPointer(rebasing: $0[..<size]), &bytes)
        }
    }

    private mutating func begin(
        _ header: UnsafeRawBufferPointer, _ bytes: inout UnsafeRawBufferPointer
    ) -> Event? {
        guard let request = try? NBDRequest(decoding: header, style: session.style) else {
            phase = .ended
            return .violation("a request without its magic number")
        }
        let payload = request.payloadLength(session.style)
        switch session.judge(request) {
        case .perform:
            left = payload
            if payload > 0 { phase = .payload }
            return .request(request)
        case .refuse(let error, let message):
            guard payload > 0 else { return .refused(request, error, message) }
            left = payload
            phase = .skipping(request, error, message)
            return next(&bytes)
        case .disconnect:
            phase = .ended
            return .disconnect
        case .violation(let what):
            phase = .ended
            return .violation(what)
        }
    }
}
