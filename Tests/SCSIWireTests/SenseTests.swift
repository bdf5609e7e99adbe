import SCSIWire
import Testing

@Suite struct SenseTests {
    @Test func `fixed format has eighteen bytes, with information and a pointer`() {
        let plain = SCSISense(.unitAttention, .powerOnOrReset).encoded(descriptors: false)
        #expect(plain == [0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0])
        let field = SCSISense.field(0x102, bit: 3).encoded(descriptors: false)
        #expect(field[2] == 5 && field[12] == 0x24 && Array(field[15...]) == [0xCB, 1, 2])
        let parameter = SCSISense.parameter(7).encoded(descriptors: false)
        #expect(parameter[12] == 0x26 && Array(parameter[15...]) == [0x80, 0, 7])
        let place = SCSISense(.miscompare, .miscompare, information: 0x01020304)
            .encoded(descriptors: false)
        #expect(place[0] == 0xF0 && Array(place[3..<7]) == [1, 2, 3, 4])
    }

    @Test func `information beyond 32 bits is told in descriptor format only`() {
        let sense = SCSISense(.medium, .unrecoveredRead, information: 1 << 40)
        let fixed = sense.encoded(descriptors: false)
        #expect(fixed[0] == 0x70 && fixed[3..<7].allSatisfy { $0 == 0 })
        let long = sense.encoded(descriptors: true)
        #expect(
            long == [
                0x72, 3, 0x11, 0, 0, 0, 0, 12, 0, 10, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0,
            ])
    }

    @Test func `descriptor format counts its descriptors`() {
        let both = SCSISense(.notReady, .sanitizeInProgress, information: 1, specific: 0x80_1234)
            .encoded(descriptors: true)
        #expect(both.count == 28 && both[7] == 20)
        #expect(Array(both[20...]) == [2, 6, 0, 0, 0x80, 0x12, 0x34, 0])
        #expect(
            SCSISense(.noSense, .none).encoded(descriptors: true) == [0x72, 0, 0, 0, 0, 0, 0, 0])
    }
}
