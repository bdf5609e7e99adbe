import BlockDevice
import BlockDeviceSuite
import BlockDevices
import Testing

/// The suite can fail: it finds every one of these faults.
@Suite struct SuiteTests {
    private func subject(_ fault: Mutant.Fault) -> SuiteSubject {
        SuiteSubject("\(fault)") { size in
            var options = MemoryDevice.Options()
            options.losesPower = true
            let base = MemoryDevice(size: size, options: options)
            let device = Mutant(base, fault)
            let crash: @Sendable () throws -> any BlockDevice = {
                base.crash()
                return device
            }
            return SuiteDevice(device, crash: crash, resize: { base.resize(to: $0) })
        }
    }

    @Test(arguments: Mutant.Fault.allCases)
    func `a fault is found`(fault: Mutant.Fault) {
        // Faults of timing may need more than one try of what looks for them; no other fault does.
        let isTiming = [.writeInHalves, .readModifyWrite].contains(fault)
        let checks = BlockDeviceSuite.checks.filter { !isTiming || $0.name.hasPrefix("writers ") }
        let isFound = (0..<(isTiming ? 50 : 1)).contains { _ in
            (try? BlockDeviceSuite.run(subject(fault), checks: checks)) == nil
        }
        #expect(isFound)
    }

    @Test func `a failure names the subject, the check and the seed`() throws {
        let error = #expect(throws: SuiteFailure.self) {
            try BlockDeviceSuite.run(subject(.lastByteLost), seed: 4711)
        }
        let words = try #require(error).description
        #expect(words.hasPrefix("lastByteLost: holds what a model holds, seed 4711: byte "))
    }
}
