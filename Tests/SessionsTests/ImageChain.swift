import FoundationEssentials

/// An overlay over its window of a source, as qemu's block layer describes it.
struct ImageChain: Encodable {
    private let overlay: String
    private let source: String
    private let format: String
    private let offset: UInt64

    init(overlay: String, source: String, format: String, offset: UInt64) {
        self.overlay = overlay
        self.source = source
        self.format = format
        self.offset = offset
    }

    private enum Key: String, CodingKey { case driver, file, backing, filename, offset }

    func encode(to encoder: any Encoder) throws {
        var top = encoder.container(keyedBy: Key.self)
        try top.encode("qcow2", forKey: .driver)
        var overlayFile = top.nestedContainer(keyedBy: Key.self, forKey: .file)
        try overlayFile.encode("file", forKey: .driver)
        try overlayFile.encode(overlay, forKey: .filename)
        var window = top.nestedContainer(keyedBy: Key.self, forKey: .backing)
        try window.encode("raw", forKey: .driver)
        try window.encode(offset, forKey: .offset)
        var image = window.nestedContainer(keyedBy: Key.self, forKey: .file)
        if format == "raw" {
            try image.encode("file", forKey: .driver)
            try image.encode(source, forKey: .filename)
        } else {
            try image.encode(format, forKey: .driver)
            var file = image.nestedContainer(keyedBy: Key.self, forKey: .file)
            try file.encode("file", forKey: .driver)
            try file.encode(source, forKey: .filename)
        }
    }

    /// The chain as a `json:` file name of qemu's tools.
    func json() throws -> String {
        "json:" + String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
    }
}
