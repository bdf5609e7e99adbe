import JSONText

/// The storage daemon's block nodes and exports for a plan.
///
/// Pure values.
///
/// Every driver is named, and every image is told what it is backed by, so nothing in an image's
/// header decides what is opened.
struct BlockGraph {
    /// Where things are inside the sandbox.
    enum Places {
        static let source = "/source"
        static func overlay(_ index: Int) -> String { "/overlay\(index)" }
    }

    /// What the source is.
    struct Source {
        var format: ImageFormat
        var readOnly: Bool
        var isDevice: Bool
    }

    /// `--blockdev` arguments, lowest first.
    private(set) var nodes: [JSONValue] = []
    /// The node that is served for each window.
    private(set) var tops: [String] = []

    /// The chain for each window: file, format, window, overlay; without any, the image itself.
    init(_ source: Source, windows: [DiskWindow]) {
        addSource(source)
        for (index, window) in windows.enumerated() {
            nodes.append(
                .object([
                    "driver": .string("raw"), "node-name": .string("window\(index)"),
                    "file": .string("image"), "offset": .integer(Int64(window.offset)),
                    "size": .integer(Int64(window.length & ~511)),
                    "read-only": .bool(source.readOnly), "auto-read-only": .bool(false),
                    "discard": .string("unmap"),
                ]))
            guard window.overlay != nil else {
                tops.append("window\(index)")
                continue
            }
            addOverlay(index, isKept: window.keepsOverlay)
        }
        if windows.isEmpty { tops.append("image") }
    }

    private mutating func addSource(_ source: Source) {
        nodes.append(
            .object([
                "driver": .string(source.isDevice ? "host_device" : "file"),
                "node-name": .string("source"), "filename": .string(Places.source),
                "read-only": .bool(source.readOnly), "auto-read-only": .bool(false),
                // The session holds the lock; the daemon's own would conflict with it.
                "locking": .string("off"), "aio": .string("threads"), "discard": .string("unmap"),
            ]))
        var image: [JSONValue.Member] = [
            .init("driver", .string(source.format.rawValue)),
            .init("node-name", .string("image")),
            .init("file", .string("source")),
            .init("read-only", .bool(source.readOnly)),
            .init("auto-read-only", .bool(false)),
            .init("discard", .string("unmap")),
        ]
        if [.qcow2, .qed, .vmdk].contains(source.format) {
            image.append(.init("backing", .null))
        }
        nodes.append(.object(image))
    }

    /// - Parameter isKept: whether it outlasts the daemon; of one that does not, no flush comes to
    ///   the disk.
    private mutating func addOverlay(_ index: Int, isKept: Bool) {
        nodes.append(
            .object([
                "driver": .string("file"), "node-name": .string("overlay-file\(index)"),
                "filename": .string(Places.overlay(index)), "read-only": .bool(false),
                "auto-read-only": .bool(false), "locking": .string("off"),
                "aio": .string("threads"),
                "discard": .string("unmap"),
                "cache": .object(["no-flush": .bool(!isKept)]),
            ]))
        nodes.append(
            .object([
                "driver": .string("qcow2"), "node-name": .string("overlay\(index)"),
                "file": .string("overlay-file\(index)"), "backing": .string("window\(index)"),
                "read-only": .bool(false), "auto-read-only": .bool(false),
                "discard": .string("unmap"),
            ]))
        tops.append("overlay\(index)")
    }
}
