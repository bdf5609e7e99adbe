import AoEWire

/// Bounds of a target.
public enum AoELimits {
    /// Frames of one batch.
    static let batch = 64
    /// Most requests that wait, reads and writes apart; more are lost, as the protocol has it.
    public static let waiting = 128
    /// Most sectors of one frame, on links that would carry more.
    public static let sectorsPerFrame = 128
    /// Bytes of neighbouring requests that the device gets as one.
    static let merged = 1 << 20
    /// Bytes of quick requests after which answers go out, so that the client works meanwhile.
    static let answered = 1 << 16
    /// Batches of writes that take less on the average are done by the thread that receives, in
    /// nanoseconds.
    static let quickWrites: Int64 = 500_000
    /// How long a thread waits for a frame before it looks around, and a frame for its way out, in
    /// milliseconds.
    static let patience: Int64 = 200
    /// Threads for reads that must wait.
    static let readers = 4
    /// The smallest MTU: a message with one sector.
    public static let smallestMTU =
        AoEHeader.size + ATARegisters.size + AoEProtocol.sectorSize
        - AoEProtocol.ethernetHeaderSize

    /// Sectors that fit a frame.
    public static func sectors(mtu: Int) -> Int {
        let room =
            mtu + AoEProtocol.ethernetHeaderSize - AoEHeader.size - ATARegisters.size
        return max(0, min(room / AoEProtocol.sectorSize, sectorsPerFrame))
    }
}
