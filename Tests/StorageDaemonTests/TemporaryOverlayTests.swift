import JSONText
import Testing

@testable import StorageDaemon

@Suite struct TemporaryOverlayTests {
    @Test(arguments: [true, false])
    func `flushes come to the disk of an overlay that is kept, and of no other`(isKept: Bool) {
        var window = DiskWindow(offset: 0, length: 1 << 20, overlay: "/o")
        window.keepsOverlay = isKept
        let graph = BlockGraph(
            .init(format: .raw, readOnly: true, isDevice: false), windows: [window])
        for node in graph.nodes {
            let isSwallowed = node["cache"]?["no-flush"] == .bool(true)
            #expect(isSwallowed == (!isKept && node["node-name"]?.stringValue == "overlay-file0"))
        }
    }
}
