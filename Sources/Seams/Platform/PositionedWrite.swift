import Glibc

extension Files {
    /// Writes everything at an offset of the file, in bytes; blocks.
    public static func write(
        _ bytes: [UInt8], to descriptor: OwnedFD, at offset: UInt64
    ) throws(SystemError) {
        var sent = 0
        let raw = descriptor.raw
        while sent < bytes.count {
            sent += try libc("pwrite") {
                bytes.withUnsafeBytes {
                    pwrite(
                        raw, $0.baseAddress.map { $0 + sent }, bytes.count - sent,
                        off_t(offset) + off_t(sent))
                }
            }
        }
    }
}
