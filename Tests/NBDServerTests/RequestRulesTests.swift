import NBDWire
import Testing

@testable import NBDServer

/// A session as a test wants it.
func session(
    _ style: NBDHeaderStyle = .simple, isReadOnly: Bool = false, canTrim: Bool = true,
    context: Bool = false, size: UInt64 = 1 << 20
) -> NBDSession {
    var offer = Talk.disk
    (offer.isReadOnly, offer.canTrim, offer.size) = (isReadOnly, canTrim, size)
    return NBDSession(
        export: 0, style: style, flags: offer.flags(style, contexts: context), size: size,
        hasContext: context)
}

extension NBDSession {
    /// The error that a request gets, `success` where it is done, nil where the connection ends.
    fileprivate func error(_ request: NBDRequest) -> NBDErrorNumber? {
        switch judge(request) {
        case .perform: .success
        case .refuse(let error, _): error
        case .disconnect, .violation: nil
        }
    }
}

@Suite struct RequestRulesTests {
    private let changes: [NBDCommand] = [.write, .trim, .writeZeroes]

    private func request(
        _ command: NBDCommand, _ offset: UInt64 = 0, _ length: UInt64 = 4096,
        _ flags: NBDCommandFlags = []
    ) -> NBDRequest {
        NBDRequest(command, cookie: 1, offset: offset, length: length, flags: flags)
    }

    @Test func `every command of an export is done`() {
        for command in [NBDCommand.read, .write, .trim, .cache, .writeZeroes] {
            #expect(session().error(request(command)) == .success)
        }
        #expect(session().error(request(.flush, 0, 0)) == .success)
        #expect(session(.structured, context: true).error(request(.blockStatus)) == .success)
    }

    @Test func `an unknown command is invalid, and the connection goes on`() {
        for number in [UInt16(8), 9, 0xffff] {
            let command = NBDCommand(rawValue: number)
            #expect(session().error(request(command)) == .invalid)
        }
    }

    @Test func `changes of a read-only export are not permitted`() {
        for command in changes {
            #expect(session(isReadOnly: true).error(request(command)) == .notPermitted)
        }
        #expect(session(isReadOnly: true).error(request(.read)) == .success)
        #expect(session(isReadOnly: true).error(request(.flush, 0, 0)) == .success)
    }

    @Test func `a range behind the end has no space to write and is invalid otherwise`() {
        let ranges: [(UInt64, UInt64)] = [
            (1 << 20, 1), ((1 << 20) - 1, 2), (0, (1 << 20) + 1), (.max, 1),
            (.max - 1, 0xffff_ffff), (1 << 63, 4096),
        ]
        for (offset, length) in ranges {
            #expect(session().error(request(.read, offset, length)) == .invalid)
            #expect(session().error(request(.trim, offset, length)) == .invalid)
            #expect(session().error(request(.cache, offset, length)) == .invalid)
            #expect(session().error(request(.writeZeroes, offset, length)) == .noSpace)
            let status = session(.structured, context: true)
            #expect(status.error(request(.blockStatus, offset, length)) == .invalid)
        }
        #expect(session().error(request(.write, 1 << 20, 512)) == .noSpace)
        #expect(session().error(request(.write, (1 << 20) - 512, 512)) == .success)
    }

    @Test func `a length of nothing does not end the connection`() {
        for command in [NBDCommand.read, .write, .trim, .cache, .writeZeroes] {
            #expect(session().error(request(command, 1 << 20, 0)) == .success)
        }
        let status = session(.structured, context: true)
        #expect(status.error(request(.blockStatus, 0, 0)) == .invalid)
    }

    @Test func `FUA may stand on every command`() {
        for command in [NBDCommand.read, .write, .trim, .cache, .writeZeroes] {
            #expect(session().error(request(command, 0, 512, .fua)) == .success)
        }
        #expect(session().error(request(.flush, 0, 0, .fua)) == .success)
    }

    @Test func `every other flag belongs to one command`() {
        let homes: [(NBDCommandFlags, NBDCommand)] = [
            (.noHole, .writeZeroes), (.fastZero, .writeZeroes), (.dontFragment, .read),
            (.requestOne, .blockStatus),
        ]
        let all = session(.structured, context: true)
        for (flag, home) in homes {
            #expect(all.error(request(home, 0, 512, flag)) == .success)
            for command in [NBDCommand.read, .write, .trim, .cache, .writeZeroes, .blockStatus]
            where command != home {
                #expect(all.error(request(command, 0, 512, flag)) == .invalid)
            }
            #expect(all.error(request(.flush, 0, 0, flag)) == .invalid)
        }
        let strange = NBDCommandFlags(rawValue: 1 << 9)
        #expect(all.error(request(.read, 0, 512, strange)) == .invalid)
    }

    @Test func `DF and block status need chunks, and block status a context`() {
        #expect(session().error(request(.read, 0, 512, .dontFragment)) == .invalid)
        #expect(session(.structured).error(request(.blockStatus)) == .invalid)
        #expect(session().error(request(.blockStatus)) == .invalid)
    }

    @Test func `trim is not known where it does nothing`() {
        #expect(session(canTrim: false).error(request(.trim)) == .invalid)
    }

    @Test func `a flush has neither offset nor length`() {
        #expect(session().error(request(.flush, 1, 0)) == .invalid)
        #expect(session().error(request(.flush, 0, 1)) == .invalid)
    }

    @Test func `reads and writes above 32 MiB are refused`() {
        let large = UInt64(NBDLimits.payload) + 1
        let huge = session(size: 1 << 40)
        #expect(huge.error(request(.read, 0, large)) == .invalid)
        #expect(huge.error(request(.write, 0, large)) == .invalid)
        #expect(huge.error(request(.read, 0, large - 1)) == .success)
        #expect(huge.error(request(.write, 0, large - 1)) == .success)
        #expect(session(.structured, size: 1 << 40).error(request(.read, 0, large)) == .overflow)
        #expect(huge.error(request(.writeZeroes, 0, 0xffff_ffff)) == .success)
        #expect(huge.error(request(.trim, 0, 0xffff_ffff)) == .success)
    }

    @Test func `a payload that nobody can mean ends the connection`() {
        let huge = session(size: 1 << 40)
        #expect(huge.error(request(.write, 0, 0xffff_ffff)) == nil)
        let wide = session(.extended, size: 1 << 40)
        let large = UInt64(NBDLimits.payload) + 1
        #expect(wide.error(request(.write, 0, large, .payloadLength)) == nil)
        #expect(wide.error(request(.read, 0, .max, .payloadLength)) == nil)
    }

    @Test func `with extended headers a write says that it has a payload, and few others may`() {
        let wide = session(.extended, context: true, size: 1 << 40)
        #expect(wide.error(request(.write, 0, 512, .payloadLength)) == .success)
        #expect(wide.error(request(.write, 0, 512)) == .invalid)
        #expect(wide.error(request(.read, 0, 512, .payloadLength)) == .invalid)
        #expect(wide.error(request(.blockStatus, 0, 12, .payloadLength)) == .success)
        #expect(wide.error(request(.blockStatus, 0, 7, .payloadLength)) == .invalid)
        #expect(wide.error(request(.blockStatus, 0, 8 + 65 * 4, .payloadLength)) == .invalid)
        #expect(session(.structured).error(request(.write, 0, 512, .payloadLength)) == .invalid)
    }

    @Test func `with extended headers lengths have 64 bits`() {
        let wide = session(.extended, context: true, size: 1 << 60)
        for command in [NBDCommand.trim, .writeZeroes, .cache, .blockStatus] {
            #expect(wide.error(request(command, 0, 1 << 60)) == .success)
        }
        #expect(wide.error(request(.writeZeroes, 1, 1 << 60)) == .noSpace)
    }

    @Test func `a disconnect is one, whatever its fields say`() {
        let flags = NBDCommandFlags(rawValue: 0xffff)
        #expect(session().judge(request(.disconnect, 5, 5, flags)) == .disconnect)
    }
}
