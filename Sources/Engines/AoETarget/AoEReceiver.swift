import AoEWire
import BlockDevice
import Platform
import Synchronization

/// The thread that receives: it answers what needs no waiting, and queues the rest.
struct AoEReceiver: ~Copyable {
    private let core: AoECore
    private var machine: AoEMachine
    private var places = FramePlaces(count: AoELimits.batch)
    /// The frames of the places.
    private var slots: [Int]
    private var reads: [AoERequest] = []
    private var jobs: [AoEJob] = []
    private var cold: [AoEJob] = []
    private var replies: AoEReplies
    private var writer: AoEWriter
    /// What has been kept for good.
    private var kept: AoEKept
    /// Data that was read and has not been sent.
    private let staging: UnsafeMutableRawBufferPointer

    init(_ core: AoECore, _ machine: AoEMachine) {
        self.core = core
        self.machine = machine
        kept = machine.kept
        slots = (0..<AoELimits.batch).compactMap { _ in core.pool.take() }
        replies = AoEReplies(core)
        writer = AoEWriter(core)
        staging = .allocate(byteCount: 2 * AoELimits.answered, alignment: 4096)
        for (place, slot) in slots.enumerated() { places.set(place, to: core.pool[slot]) }
        reads.reserveCapacity(AoELimits.batch)
        jobs.reserveCapacity(AoELimits.batch)
        cold.reserveCapacity(AoELimits.batch)
    }

    deinit { staging.deallocate() }

    /// Serves until the target stops.
    mutating func run() {
        announce()
        while !core.isStopping.load(ordering: .relaxed) {
            let got = places.receive(core.socket.raw)
            if machine.medium.identity.sectors != core.sectors { announce() }
            if got > 0 {
                handle(got)
            } else if got < 0, !PacketSocket.isEmpty(got) {
                // An interface that is down or gone: its frames come when it is there again.
                Clock.sleep(milliseconds: 20)
            }
        }
    }

    /// Tells hosts of the disk, as it is now.
    private mutating func announce() {
        machine.medium.identity.sectors = core.sectors
        for frame in machine.announcements() { core.send(frame) }
    }

    private mutating func handle(_ count: Int) {
        if core.mtuIsStale.exchange(false, ordering: .relaxed) { refreshMTU() }
        for place in 0..<count {
            guard let frame = places.bytes(place) else { continue }
            if frame.count >= AoEHeader.size, frame[19] == AoECommand.config.rawValue {
                refreshMTU()
            }
            act(machine.receive(frame), place)
        }
        answerReads()
        guard !jobs.isEmpty else { return }
        if core.mayWriteAtOnce { return writer.perform(&jobs) }
        core.push(jobs, to: core.writes)
        jobs.removeAll(keepingCapacity: true)
    }

    /// The MTU may become smaller, and larger again up to what it was at the start.
    private mutating func refreshMTU() {
        guard let index = core.configuration.interface,
            let mtu = PacketSocket.mtu(core.socket.raw, interface: index)
        else { return }
        machine.link.mtu = min(mtu, core.configuration.mtu)
    }

    private mutating func act(_ action: AoEAction, _ place: Int) {
        switch action {
        case .drop: return
        case .reply(let frame): core.send(frame)
        case .keep(let kept, let reply): keep(kept, reply)
        case .device(let request):
            switch request.work {
            case .read: reads.append(request)
            case .verify: core.push([AoEJob(request: request)], to: core.reads)
            case .flush: jobs.append(AoEJob(request: request))
            case .write:
                // The data stays in its frame; the place gets another one.
                guard let slot = core.pool.take() else {
                    core.lost.wrappingAdd(1, ordering: .relaxed)
                    return
                }
                jobs.append(AoEJob(request: request, slot: slots[place]))
                slots[place] = slot
                places.set(place, to: core.pool[slot])
            }
        }
    }

    /// Keeps what a client stored, then tells it; or that it could not be kept, and is as before.
    ///
    /// Waits for the disk: such messages are rare, and answered one by one.
    private mutating func keep(_ new: AoEKept, _ reply: [UInt8]) {
        let file = core.configuration.keptFile.map { AoEKeptFile(path: $0) }
        do throws(AoETargetError) {
            try file?.store(new)
            kept = new
            core.send(reply)
        } catch {
            machine.kept = kept
            let header = reply.withUnsafeBytes { try? AoEHeader(decoding: $0) }
            guard var header else { return }
            header.flags.insert(.error)
            header.error = AoEFault.unavailable.rawValue
            core.send(header.frame())
        }
    }

    /// Answers the reads of a batch that memory can serve, neighbours by one call; the others
    /// wait elsewhere.
    private mutating func answerReads() {
        var used = 0
        var first = 0
        while first < reads.count {
            let end = reads.endOfRun(from: first, limit: AoELimits.answered)
            let length = reads[first..<end].reduce(0) { $0 + $1.length }
            if used + length > staging.count || used >= AoELimits.answered {
                replies.send()
                used = 0
            }
            let memory = UnsafeMutableRawBufferPointer(rebasing: staging[used..<used + length])
            if readNow(at: reads[first].offset, into: memory) {
                var place = used
                for request in reads[first..<end] {
                    let body = staging[place..<place + request.length]
                    replies.add(
                        request, request.registers.done(),
                        body: UnsafeRawBufferPointer(rebasing: body))
                    place += request.length
                }
                used += length
                core.bytesRead.wrappingAdd(UInt64(length), ordering: .relaxed)
            } else {
                for request in reads[first..<end] { cold.append(AoEJob(request: request)) }
            }
            first = end
        }
        replies.send()
        reads.removeAll(keepingCapacity: true)
        guard !cold.isEmpty else { return }
        core.push(cold, to: core.reads)
        cold.removeAll(keepingCapacity: true)
    }

    private func readNow(at offset: UInt64, into memory: UnsafeMutableRawBufferPointer) -> Bool {
        guard core.device.can(.immediateReads) else { return false }
        // What fails is read once more, by a thread that tells the error.
        return (try? core.device.readNow(at: offset, into: memory)) ?? false
    }
}
