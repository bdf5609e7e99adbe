import SCSIWire

/// One command on its way through a target, as a transport would take it.
struct FuzzCommand {
    let nexus: SCSINexus
    let lun: UInt64
    let block: [UInt8]
    let data: [UInt8]
    /// Most bytes that the initiator takes.
    var take = 1 << 20
    /// Whether it is tried without waiting first.
    var triesNow = false
    var task: SCSITask?

    /// How it ended.
    struct Answer {
        var outcome: SCSIOutcome
        /// What was stored for the initiator.
        var data: [UInt8]
        /// What was given to the target.
        var given: [UInt8]
    }

    init(_ nexus: SCSINexus, _ lun: UInt64, _ block: [UInt8], _ data: [UInt8]) {
        self.nexus = nexus
        self.lun = lun
        self.block = block
        self.data = data
    }

    /// SANITIZE with IMMED.
    var endsBeforeItsWork: Bool {
        block.count > 1 && block[0] == 0x48 && block[1] & 0x80 != 0
    }

    var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    var request: SCSIRequest {
        SCSIRequest(lun: lun, cdb: block, expectedIn: take, expectedOut: data.count)
    }

    /// Carries it out with buffers of exactly the sizes that are promised: a byte beyond them is
    /// found by the sanitizer.
    func carryOut(_ target: SCSITarget) -> Answer {
        guard let task else { preconditionFailure("a command that was not prepared") }
        guard (0...1 << 18).contains(task.dataOut), (0...1 << 18).contains(task.dataIn),
            !task.isRefused || task.dataIn == 0 && task.dataOut == 0
        else { preconditionFailure("more data than the disk has") }
        let given = Array(data.prefix(task.dataOut))
        let out = UnsafeMutableRawBufferPointer.allocate(byteCount: given.count, alignment: 1)
        let into = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(task.dataIn, take), alignment: 1)
        defer {
            out.deallocate()
            into.deallocate()
        }
        out.copyBytes(from: given)
        into.initializeMemory(as: UInt8.self, repeating: 0xEE)
        let source = given.isEmpty ? nothing : UnsafeRawBufferPointer(out)
        var outcome: SCSIOutcome?
        if triesNow { outcome = target.performNow(task, dataOut: source, dataIn: into) }
        let final = outcome ?? target.perform(task, dataOut: source, dataIn: into)
        return Answer(
            outcome: final, data: Array(into.prefix(final.dataIn)), given: given)
    }
}
