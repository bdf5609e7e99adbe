import JSONText
import Testing

@testable import StorageDaemon

@Suite struct BlockGraphTests {
    private func graph(
        _ format: ImageFormat, readOnly: Bool, overlay: String? = nil, isDevice: Bool = false
    ) -> BlockGraph {
        BlockGraph(
            .init(format: format, readOnly: readOnly, isDevice: isDevice),
            windows: [
                DiskWindow(offset: 1 << 20, length: (1 << 30) + 100, overlay: overlay),
                DiskWindow(offset: 2 << 30, length: 1 << 20),
            ])
    }

    private func node(_ name: String, of graph: BlockGraph) -> JSONValue? {
        graph.nodes.first { $0["node-name"]?.stringValue == name }
    }

    @Test(arguments: ImageFormat.allCases)
    func `every driver is named and none is guessed`(format: ImageFormat) {
        let graph = graph(format, readOnly: true, overlay: "/o")
        for node in graph.nodes {
            #expect(node["driver"]?.stringValue != nil)
            #expect(node["auto-read-only"] == .bool(false))
        }
        #expect(node("image", of: graph)?["driver"]?.stringValue == format.rawValue)
    }

    @Test func `nothing below an overlay may be written`() {
        let graph = graph(.qcow2, readOnly: true, overlay: "/o")
        for name in ["source", "image", "window0", "window1"] {
            #expect(node(name, of: graph)?["read-only"] == .bool(true))
        }
        #expect(node("overlay0", of: graph)?["read-only"] == .bool(false))
        #expect(node("overlay0", of: graph)?["backing"] == .string("window0"))
        #expect(graph.tops == ["overlay0", "window1"])
    }

    @Test func `an image's header names no other image`() {
        #expect(node("image", of: graph(.qcow2, readOnly: true))?["backing"] == .null)
        #expect(node("image", of: graph(.vmdk, readOnly: true))?["backing"] == .null)
        #expect(node("image", of: graph(.raw, readOnly: true))?["backing"] == nil)
    }

    @Test func `a window is cut to whole sectors`() {
        let window = node("window0", of: graph(.raw, readOnly: false))
        #expect(window?["offset"]?.integerValue == 1 << 20)
        #expect(window?["size"]?.integerValue == 1 << 30)
    }

    @Test func `without windows the image itself is served`() {
        let graph = BlockGraph(
            .init(format: .vhdx, readOnly: false, isDevice: false), windows: [])
        #expect(graph.tops == ["image"])
    }

    @Test func `only files inside the sandbox are named`() {
        let graph = graph(.raw, readOnly: false, overlay: "/home/somebody/overlay", isDevice: true)
        #expect(node("source", of: graph)?["driver"]?.stringValue == "host_device")
        #expect(graph.nodes.compactMap { $0["filename"]?.stringValue } == ["/source", "/overlay0"])
    }
}
