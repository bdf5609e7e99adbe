import Bytes
import SCSIWire

/// One input: its first byte chooses what the rest is fed to.
///
/// Whatever it is, nothing crashes, nothing hangs, what is taken stays within its bounds, and what
/// a decoder takes its encoder gives back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let all = UnsafeRawBufferPointer(start: start, count: count)
    let input = UnsafeRawBufferPointer(rebasing: all[1...])
    switch all[0] % 6 {
    case 0: decodeCommand(input)
    case 1: decodeLists(input)
    case 2: decodeReservations(input)
    case 3: decodeFile(input)
    default: FuzzUnit.run(input)
    }
    return 0
}

private func decodeCommand(_ input: UnsafeRawBufferPointer) {
    let block = SCSICommandBlock(raw: input)
    guard block == SCSICommandBlock(Array(input)), block.bytes.count == 16,
        block.bytes.starts(with: input.prefix(16)), block.opcode == block[0]
    else { preconditionFailure("a command block changed") }
    guard let shape = try? SCSICommandTable.shape(of: block) else { return }
    let hasActions = SCSICommandTable.hasActions(opcode: block.opcode)
    let action = hasActions == true ? UInt16(block[1] & 0x1F) : nil
    guard let row = SCSICommandTable.find(opcode: block.opcode, action: action),
        row.shape == shape, [6, 10, 12, 16].contains(row.usage.count)
    else { preconditionFailure("a command that is not in the table") }
    let address = shape.address(of: block)
    let count = shape.count(of: block)
    let bounds: (address: UInt64, count: UInt64) =
        switch shape.form {
        case .none: (0, 0)
        case .six: (0x1F_FFFF, 256)
        case .ten: (UInt64(UInt32.max), 0xFFFF)
        case .twelve: (UInt64(UInt32.max), UInt64(UInt32.max))
        case .sixteen: (.max, UInt64(UInt32.max))
        case .sixteenShort: (.max, 0xFF)
        case .sixteenWord: (.max, 0xFFFF)
        }
    guard address <= bounds.address, count <= bounds.count else {
        preconditionFailure("an address or a count out of bounds")
    }
}

private func decodeLists(_ input: UnsafeRawBufferPointer) {
    let limit = Int(input[0]) * 2
    if let list = try? SCSIUnmapList(input, limit: limit) {
        guard list.ranges.count <= limit, list.ranges.count * 16 + 8 <= input.count else {
            preconditionFailure("more ranges than there are")
        }
        var bytes: [UInt8] = []
        for range in list.ranges {
            bytes.append(big: range.address)
            bytes.append(big: UInt32(range.count))
            bytes += [0, 0, 0, 0]
        }
        for index in bytes.indices where index % 16 < 12 {
            guard bytes[index] == input[8 + index] else { preconditionFailure("a range changed") }
        }
    }
    if let list = try? SCSICopyList(input) {
        guard list.targets.count <= SCSICopyList.targetLimit,
            list.segments.count <= SCSICopyList.segmentLimit,
            list.targets.allSatisfy({ $0.content.count <= 20 && $0.blockSize <= 0xFF_FFFF }),
            list.segments.allSatisfy({ ($0.blocks ?? 0) <= 0xFFFF && $0.sourceOffset <= 0xFFFF })
        else { preconditionFailure("a copy out of bounds") }
    }
    for size in [512, 4096] {
        guard let overwrite = try? SCSIOverwrite(input, blockSize: size) else { continue }
        guard (1...31).contains(overwrite.passes), (1...size).contains(overwrite.pattern.count),
            overwrite.pattern.elementsEqual(input[4...])
        else { preconditionFailure("an overwrite out of bounds") }
    }
    for page in SCSIModePage.allCases {
        let settings = page.apply(input, to: SCSIModeSettings(writeCache: true))
        guard page.apply(page.encoded(settings), to: settings) == settings else {
            preconditionFailure("mode settings changed")
        }
    }
}

private func decodeReservations(_ input: UnsafeRawBufferPointer) {
    if let (name, length) = try? SCSITransportID.read(input, at: 0) {
        guard length <= input.count, length % 4 == 0 else { preconditionFailure("too long") }
        same(name)
    }
    _ = SCSIReserveParameters.namesInitiators(input)
    if let parameters = try? SCSIReserveParameters(basic: input) {
        guard parameters.initiators.count * 24 <= input.count else {
            preconditionFailure("more initiators than there are")
        }
        parameters.initiators.forEach(same)
    }
    if let parameters = try? SCSIReserveParameters(moving: input) {
        guard parameters.initiators.count == 1 else { preconditionFailure("not one initiator") }
        parameters.initiators.forEach(same)
    }
}

/// A name that came from an initiator is told to others as it came.
private func same(_ name: SCSITransportID) {
    let bytes = name.encoded
    let again = bytes.withUnsafeBytes { try? SCSITransportID.read($0, at: 0) }
    guard let again, again.0 == name, again.1 == bytes.count else {
        preconditionFailure("a name changed")
    }
}

/// The file of reservations is the server's own, but files are damaged too.
private func decodeFile(_ input: UnsafeRawBufferPointer) {
    guard let reservations = try? ReservationFile.decode(Array(input)) else { return }
    guard let again = try? ReservationFile.decode(ReservationFile.encode(reservations)),
        again == reservations
    else { preconditionFailure("kept reservations changed") }
    guard reservations.registrations.count <= PersistentReservations.limit else {
        preconditionFailure("too many registrations")
    }
}
