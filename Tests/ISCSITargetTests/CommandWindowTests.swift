import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct CommandWindowTests {
    @Test func `numbers are taken in order, within the window`() {
        var window = CommandWindow(first: 10, depth: 4)
        #expect(window.maxCmdSN == 13)
        #expect(window.judge(10, isImmediate: false) == .deliver)
        #expect(window.judge(12, isImmediate: false) == .hold)
        #expect(window.judge(14, isImmediate: false) == .ignore)
        #expect(window.judge(9, isImmediate: false) == .ignore)
        #expect(window.judge(9999, isImmediate: true) == .deliver)
        window.deliverNext()
        #expect(window.judge(10, isImmediate: false) == .ignore)
    }

    @Test func `the window opens as commands end, and never shrinks`() {
        var window = CommandWindow(first: 0, depth: 4)
        for _ in 0..<4 { window.deliverNext() }
        window.open(inFlight: 4)
        #expect(window.maxCmdSN == 3)
        #expect(window.judge(4, isImmediate: false) == .ignore)
        window.open(inFlight: 1)
        #expect(window.maxCmdSN == 6)
        window.open(inFlight: 4)
        #expect(window.maxCmdSN == 6)
    }

    @Test func `few commands are let in while memory is tight, and always one`() {
        var window = CommandWindow(first: 0, depth: 32)
        for _ in 0..<20 { window.deliverNext() }
        window.open(inFlight: 20, isTight: true)
        #expect(window.maxCmdSN == 31)
        for _ in 0..<12 { window.deliverNext() }
        for (inFlight, last) in [(32, 31), (8, 31), (7, 32), (0, 39)] as [(Int, UInt32)] {
            window.open(inFlight: inFlight, isTight: true)
            #expect(window.maxCmdSN == last)
        }
        window.open(inFlight: 0)
        #expect(window.maxCmdSN == 63)
    }

    @Test func `numbers wrap`() {
        var window = CommandWindow(first: 0xFFFF_FFFE, depth: 4)
        #expect(window.maxCmdSN == 1)
        #expect(window.judge(0, isImmediate: false) == .hold)
        window.deliverNext()
        window.deliverNext()
        #expect(window.judge(0, isImmediate: false) == .deliver)
        window.open(inFlight: 0)
        #expect(window.maxCmdSN == 3)
    }
}
