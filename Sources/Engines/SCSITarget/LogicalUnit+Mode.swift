import SCSIWire
import Synchronization

extension LogicalUnit {
    /// MODE SENSE (SPC-4, 6.11 and 6.12).
    func modeSense(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        guard let control = SCSIModeControl(rawValue: task.block[2] >> 6) else {
            throw .field(2, bit: 7)
        }
        if control == .saved { throw .illegal(.savingNotSupported) }
        let pages = try modePages(task.block[2] & 0x3F, task.block[3], control)
        let isLong = task.shape.command == .modeSense10
        let descriptor = task.block[1] & 0x08 != 0 ? [] : blockDescriptor
        // WP and DPOFUA.
        let device: UInt8 = (gate.contains(.writeProtected) ? 0x80 : 0) | 0x10
        var bytes: [UInt8]
        if isLong {
            bytes = []
            bytes.append(big: UInt16(6 + descriptor.count + pages.count))
            bytes += [0, device, 0, 0]
            bytes.append(big: UInt16(descriptor.count))
        } else {
            bytes = [
                UInt8(3 + descriptor.count + pages.count), 0, device, UInt8(descriptor.count),
            ]
        }
        return bytes + descriptor + pages
    }

    private func modePages(
        _ code: UInt8, _ subpage: UInt8, _ control: SCSIModeControl
    ) throws(Refusal) -> [UInt8] {
        var settings = state.withLock { $0.settings }
        if control == .initial { settings = SCSIModeSettings(writeCache: hasCache) }
        let isAll = code == SCSIModePage.all
        guard subpage == 0 || subpage == SCSIModePage.allSubpages || (code == 0x0A && subpage == 1)
        else { throw .field(3, bit: 7) }
        var bytes: [UInt8] = []
        for page in SCSIModePage.allCases where isAll || page.rawValue == code {
            if subpage != 1 {
                bytes +=
                    control == .changeable
                    ? page.changeable(cacheCanBeOff: hasCache) : page.encoded(settings)
            }
            if page == .control, subpage != 0 { bytes += SCSIModePage.controlExtension }
        }
        guard !bytes.isEmpty else { throw .field(2, bit: 5) }
        return bytes
    }

    /// The short block descriptor (SBC-3, 6.5.2.2): number and size of blocks.
    private var blockDescriptor: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(clamping: blocks))
        bytes.append(big: UInt32(blockSize) & 0xFF_FFFF)
        return bytes
    }

    /// MODE SELECT (SPC-4, 6.9 and 6.10): all pages are checked before any takes effect.
    func modeSelect(
        _ task: SCSITask, _ link: Link, _ dataOut: UnsafeRawBufferPointer
    ) throws(Refusal) {
        // SP: nothing is saved.
        if task.block[1] & 0x01 != 0 { throw .field(1, bit: 0) }
        guard task.dataOut > 0 else { return }
        guard dataOut.count == task.dataOut else { throw .illegal(.parameterListLength) }
        let isLong = task.shape.command == .modeSelect10
        let header = isLong ? 8 : 4
        guard dataOut.count >= header else { throw .illegal(.parameterListLength) }
        // The mode data length is reserved here; a long block descriptor is not offered.
        let length = isLong ? Int(dataOut.word(at: 6)) : Int(dataOut[3])
        if isLong, dataOut[4] & 0x01 != 0 { throw .parameter(4, bit: 0) }
        guard length == 0 || length == 8 else { throw .parameter(isLong ? 6 : 3) }
        guard dataOut.count >= header + length else { throw .illegal(.parameterListLength) }
        if length == 8 { try checkDescriptor(dataOut, at: header) }
        // PF 0 is the vendor's way of pages: there are none.
        guard task.block[1] & 0x10 != 0 || dataOut.count == header + length else {
            throw .field(1, bit: 4)
        }
        let old = state.withLock { $0.settings }
        let new = try readPages(dataOut, from: header + length, old)
        guard new != old else { return }
        if old.writeCache, !new.writeCache { try flush() }
        change { $0.settings = new }
        attend(.modeParametersChanged, except: link.nexusID)
    }

    /// The block descriptor may say what is so already: blocks 0 or all of them, and their size.
    private func checkDescriptor(
        _ bytes: UnsafeRawBufferPointer, at place: Int
    ) throws(Refusal) {
        let count = bytes.long(at: place)
        guard count == 0 || count == .max || count == UInt32(clamping: blocks) else {
            throw .parameter(place)
        }
        let size = bytes.long(at: place + 4) & 0xFF_FFFF
        guard size == 0 || size == UInt32(blockSize) else { throw .parameter(place + 5) }
    }

    private func readPages(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ old: SCSIModeSettings
    ) throws(Refusal) -> SCSIModeSettings {
        var settings = old
        var place = start
        while place < bytes.count {
            guard place + 2 <= bytes.count else { throw .illegal(.parameterListLength) }
            let hasSubpage = bytes[place] & 0x40 != 0
            let header = hasSubpage ? 4 : 2
            guard place + header <= bytes.count else { throw .illegal(.parameterListLength) }
            let length =
                header + (hasSubpage ? Int(bytes.word(at: place + 2)) : Int(bytes[place + 1]))
            let code = bytes[place] & 0x3F
            let current: [UInt8]
            let changeable: [UInt8]
            let page = SCSIModePage(rawValue: code)
            if hasSubpage {
                guard code == 0x0A, bytes[place + 1] == 1 else { throw .parameter(place) }
                current = SCSIModePage.controlExtension
                changeable = [UInt8](repeating: 0, count: current.count)
            } else {
                guard let page else { throw .parameter(place, bit: 5) }
                current = page.encoded(settings)
                changeable = page.changeable(cacheCanBeOff: hasCache)
            }
            guard length == current.count else { throw .parameter(place + header - 1) }
            guard place + length <= bytes.count else { throw .illegal(.parameterListLength) }
            for index in header..<length
            where (bytes[place + index] ^ current[index]) & ~changeable[index] != 0 {
                throw .parameter(place + index)
            }
            if !hasSubpage, let page {
                settings = page.apply(bytes[place..<place + length], to: settings)
            }
            place += length
        }
        return settings
    }
}
