import Bytes
import NFSWire

/// Bytes as a server would send them.
enum Sample {
    /// fattr3 of a regular file of 7 bytes, number 42.
    static func attributes(type: UInt32 = 1) -> XDRWriter {
        var writer = XDRWriter()
        for word: UInt32 in [type, 0o644, 1, 1000, 1001] { writer.write(word) }
        writer.write(UInt64(7))
        writer.write(UInt64(4096))
        writer.write(UInt32(8))
        writer.write(UInt32(1))
        writer.write(UInt64(0xfeed))
        writer.write(UInt64(42))
        for word: UInt32 in [10, 11, 20, 21, 30, 31] { writer.write(word) }
        return writer
    }

    /// One READDIRPLUS entry without attributes and handle.
    static func entry(_ name: [UInt8], cookie: UInt64, into writer: inout XDRWriter) {
        writer.write(true)
        writer.write(UInt64(100) + cookie)
        writer.write(name)
        writer.write(cookie)
        writer.write(false)
        writer.write(false)
    }
}

/// Decodes a whole message.
func decode<Reply: NFSReply>(_ bytes: [UInt8], as type: Reply.Type) throws(BytesError) -> Reply {
    var result: Result<Reply, BytesError> = .failure(.notUTF8)
    bytes.withUnsafeBytes { raw in
        var reader = XDRReader(raw)
        do throws(BytesError) { result = .success(try Reply(decoding: &reader)) } catch {
            result = .failure(error)
        }
    }
    return try result.get()
}
