import Bytes
import GuestWire
import Testing

/// Every message of the wire, once with ordinary and once with extreme fields.
enum Samples {
    static let mount = MountRequest(
        device: "vda", drivers: ["ext4", "ext2"], options: "noatime", readOnly: true,
        road: .passThrough)
    static let requests: [Request] = [
        .ping, .mount(mount),
        .mount(MountRequest(device: "", drivers: [], options: "", readOnly: false, road: .kernel)),
        .sync, .unmount(export: .max), .kernelLog, .powerOff,
        .getAttribute(handle: [1, 2, 3], name: Array("user.x".utf8)),
        .setAttribute(
            handle: [UInt8](repeating: 7, count: GuestWire.Limits.fileHandle), name: [0xff],
            value: [UInt8](repeating: 1, count: GuestWire.Limits.attributeValue), flags: 2),
        .listAttributes(handle: []),
        .removeAttribute(handle: [9], name: [UInt8](repeating: 65, count: 255)),
        .allocate(handle: [1], mode: 3, offset: .max, length: 1 << 40),
        .seek(handle: [1], offset: 1 << 40, whence: 3), .serveBlocks(plan: []),
        .serveBlocks(plan: [UInt8](repeating: 0x7b, count: GuestWire.Limits.blockPlan)),
        .stopBlocks(milliseconds: .max),
    ]
    static let replies: [Reply] = [
        .done,
        .failed(
            GuestFailure(
                step: .mount, errno: 22, message: "no such type", kernelMessages: ["ext4: no"])),
        .exported(
            ExportDescription(
                id: 3, rootHandle: [1, 0, 7], driver: "f2fs", readOnly: true,
                kernelMessages: ["F2FS-fs (vda): Mounted"])),
        .data([UInt8](repeating: 3, count: GuestWire.Limits.kernelLog)), .position(.max),
    ]
}

@Suite struct RequestTests {
    @Test(arguments: Samples.requests)
    func `round-trips`(request: Request) throws {
        let frame = request.frame(id: 77)
        #expect(frame.id == 77)
        #expect(frame.encoded.count <= GuestWire.Limits.frame + 4)
        #expect(try Request(frame) == request)
    }

    @Test(arguments: Samples.requests)
    func `rejects every prefix of its payload`(request: Request) {
        let frame = request.frame(id: 1)
        for length in stride(from: 0, to: frame.payload.count, by: max(1, frame.payload.count / 64))
        {
            let cut = Frame(kind: frame.kind, id: 1, payload: Array(frame.payload[..<length]))
            #expect(throws: BytesError.self) { try Request(cut) }
        }
    }

    @Test(arguments: Samples.requests)
    func `rejects bytes behind its last field`(request: Request) {
        var frame = request.frame(id: 1)
        frame.payload.append(0)
        #expect(throws: BytesError.trailing(count: 1)) { try Request(frame) }
    }

    @Test func `rejects a kind that it does not know`() {
        #expect(throws: BytesError.invalid(field: "request kind", value: 9999)) {
            try Request(Frame(kind: 9999, id: 1, payload: []))
        }
    }

    @Test func `rejects an export road that it does not know`() {
        var frame = Request.mount(Samples.mount).frame(id: 1)
        frame.payload[frame.payload.count - 1] = 9
        #expect(throws: BytesError.invalid(field: "export road", value: 9)) { try Request(frame) }
    }

    @Test func `rejects a file handle longer than NFSv3 allows`() {
        let handle = [UInt8](repeating: 1, count: GuestWire.Limits.fileHandle + 1)
        #expect(throws: BytesError.tooLong(length: 65, limit: 64)) {
            try Request(Request.listAttributes(handle: handle).frame(id: 1))
        }
    }

    @Test func `rejects a plan longer than its limit`() {
        let plan = [UInt8](repeating: 1, count: GuestWire.Limits.blockPlan + 1)
        let limit = GuestWire.Limits.blockPlan
        #expect(throws: BytesError.tooLong(length: limit + 1, limit: limit)) {
            try Request(Request.serveBlocks(plan: plan).frame(id: 1))
        }
    }

    @Test func `survives ten thousand random payloads`() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<10_000 {
            let payload = (0..<Int(random.next() % 40)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            let frame = Frame(kind: UInt16(random.next() % 30) + 14, id: 1, payload: payload)
            _ = try? Request(frame)
            _ = try? Reply(Frame(kind: frame.kind + 48, id: 1, payload: payload))
        }
    }
}

@Suite struct ReplyTests {
    @Test(arguments: Samples.replies)
    func `round-trips`(reply: Reply) throws {
        let frame = reply.frame(id: 5)
        #expect(frame.id == 5)
        #expect(try Reply(frame) == reply)
    }

    @Test(arguments: Samples.replies)
    func `rejects every prefix of its payload`(reply: Reply) {
        let frame = reply.frame(id: 1)
        for length in stride(from: 0, to: frame.payload.count, by: max(1, frame.payload.count / 64))
        {
            let cut = Frame(kind: frame.kind, id: 1, payload: Array(frame.payload[..<length]))
            #expect(throws: BytesError.self) { try Reply(cut) }
        }
    }

    @Test func `rejects a kind or step that it does not know`() {
        #expect(throws: BytesError.invalid(field: "reply kind", value: 16)) {
            try Reply(Frame(kind: 16, id: 1, payload: []))
        }
        var frame = Samples.replies[1].frame(id: 1)
        frame.payload[0] = 99
        #expect(throws: BytesError.invalid(field: "step", value: 99)) { try Reply(frame) }
    }
}

@Suite struct GreetingTests {
    let greeting = Greeting(role: .files, kernelRelease: "6.1.0", uptimeMilliseconds: 123)

    @Test func `round-trips`() throws {
        #expect(try Greeting(greeting.frame) == greeting)
        #expect(greeting.version == GuestWire.version)
    }

    @Test func `leaves a foreign version to its caller`() throws {
        let foreign = Greeting(
            version: 99, role: .control, kernelRelease: "x", uptimeMilliseconds: 0)
        #expect(try Greeting(foreign.frame).version == 99)
    }

    @Test func `rejects another kind, another role and bytes behind`() {
        var frame = greeting.frame
        frame.kind = 2
        #expect(throws: BytesError.invalid(field: "greeting kind", value: 2)) {
            try Greeting(frame)
        }
        frame = greeting.frame
        frame.payload[4] = 3
        #expect(throws: BytesError.invalid(field: "role", value: 3)) { try Greeting(frame) }
        frame = greeting.frame
        frame.payload.append(1)
        #expect(throws: BytesError.trailing(count: 1)) { try Greeting(frame) }
    }

    @Test func `a guest's words cannot talk to the terminal of whoever reads them`() throws {
        let bad = "mount\u{1b}[2J\u{202e}: no\r\n\u{9b}K"
        let good = "mount\u{fffd}[2J\u{fffd}: no\u{fffd}\u{fffd}\u{fffd}K"
        let failure = GuestFailure(
            step: .mount, errno: 5, message: bad, kernelMessages: [bad, "plain ä"])
        guard case .failed(let told) = try Reply(Reply.failed(failure).frame(id: 1)) else {
            Issue.record("a failure is a failure")
            return
        }
        #expect(told.message == good && told.kernelMessages == [good, "plain ä"])
        let export = ExportDescription(
            id: 1, rootHandle: [1], driver: bad, readOnly: true, kernelMessages: [bad])
        guard case .exported(let shown) = try Reply(Reply.exported(export).frame(id: 1)) else {
            Issue.record("an export is an export")
            return
        }
        #expect(shown.driver == good && shown.kernelMessages == [good])
        let greeting = Greeting(role: .control, kernelRelease: bad, uptimeMilliseconds: 1)
        #expect(try Greeting(greeting.frame).kernelRelease == good)
    }
}
