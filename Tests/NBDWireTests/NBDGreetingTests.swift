import Bytes
import NBDWire
import Testing

@Suite struct NBDGreetingTests {
    @Test func `a greeting is NBDMAGIC, IHAVEOPT and the flags`() throws {
        let bytes = hex("4e42444d41474943 49484156454f5054 0003")
        #expect(NBDGreeting(flags: [.fixedNewstyle, .noZeroes]).encoded == bytes)
        #expect(try NBDGreeting(decoding: bytes).flags == [.fixedNewstyle, .noZeroes])
        #expect(bytes.count == NBDGreeting.size)
    }

    @Test func `an oldstyle server is told apart from one that is none`() {
        let old = hex("4e42444d41474943 0000420281861253 0003")
        #expect(throws: BytesError.invalid(field: "newstyle magic", value: NBDMagic.oldstyle)) {
            try NBDGreeting(decoding: old)
        }
        #expect(throws: BytesError.invalid(field: "server magic", value: 0x5353_482d_322e_302d)) {
            try NBDGreeting(decoding: Array("SSH-2.0-OpenSSH_9x".utf8))
        }
    }

    @Test func `a greeting cut anywhere, or longer, is refused`() {
        let bytes = NBDGreeting(flags: .fixedNewstyle).encoded
        for count in 0..<bytes.count {
            #expect(throws: BytesError.self) { try NBDGreeting(decoding: bytes[..<count]) }
        }
        #expect(throws: BytesError.trailing(count: 1)) { try NBDGreeting(decoding: bytes + [0]) }
    }

    @Test func `client flags are 32 bits, and unknown ones are kept to be judged`() throws {
        #expect(NBDClientFlags([.fixedNewstyle, .noZeroes]).encoded == [0, 0, 0, 3])
        let flags = try NBDClientFlags(decoding: [0x80, 0, 0, 1])
        #expect(!flags.isSubset(of: .all) && flags.contains(.fixedNewstyle))
        #expect(throws: BytesError.self) { try NBDClientFlags(decoding: [0, 0, 1]) }
        #expect(throws: BytesError.self) { try NBDClientFlags(decoding: [0, 0, 0, 1, 0]) }
    }

    @Test func `the answer to an export name has 124 zeros unless they were declined`() throws {
        let export = NBDExportInfo(size: 0x1_0000_0200, flags: [.hasFlags, .sendFlush])
        let short = hex("0000000100000200 0005")
        #expect(export.encodedAnswer(noZeroes: true) == short)
        let long = export.encodedAnswer(noZeroes: false)
        #expect(long == short + [UInt8](repeating: 0, count: 124) && long.count == 134)
        for (bytes, noZeroes) in [(short, true), (long, false)] {
            #expect(bytes.count == NBDExportInfo.answerSize(noZeroes: noZeroes))
            #expect(try NBDExportInfo(decodingAnswer: bytes, noZeroes: noZeroes) == export)
            #expect(throws: BytesError.self) {
                try NBDExportInfo(decodingAnswer: bytes.dropLast(), noZeroes: noZeroes)
            }
        }
        #expect(throws: BytesError.self) {
            try NBDExportInfo(decodingAnswer: long, noZeroes: true)
        }
    }
}
