extension SCSICommandTable {
    /// One command as it is written down below.
    struct Row {
        var command: SCSICommand
        var action: UInt16?
        var form: SCSIBlockForm
        var traits: SCSITraits
        /// Bits of byte 1 that are obsolete and passed over.
        var tolerated: UInt8
        var usage: [UInt8]

        init(
            _ command: SCSICommand, _ usage: [UInt8], action: UInt16? = nil,
            form: SCSIBlockForm = .none, _ traits: SCSITraits = [], tolerated: UInt8 = 0
        ) {
            self.command = command
            self.action = action
            self.form = form
            self.traits = traits
            self.tolerated = tolerated
            self.usage = usage
        }
    }

    /// Ascending by operation code, then service action.
    static let rows: [Row] =
        sixes + tens + persistents + sixteens + managements + twelves

    private static let always: SCSITraits = [.passesReserve, .whileSanitizing]
    private static let read: SCSITraits = [.needsMedium, .reads, .hasProtection]
    private static let change: SCSITraits = [.needsMedium, .changesMedium, .changes, .takesData]
    private static let write: SCSITraits = change.union(.hasProtection)
    /// FUA_NV, obsolete since SBC-3.
    private static let forceNonVolatile: UInt8 = 0x02

    private static let sixes: [Row] = [
        Row(.testUnitReady, [0x00, 0, 0, 0, 0, 0x04]),
        Row(
            .requestSense, [0x03, 0x01, 0, 0, 0xFF, 0x04], always.union(.ignoresAttention)),
        Row(.read, [0x08, 0x1F, 0xFF, 0xFF, 0xFF, 0x04], form: .six, [.needsMedium, .reads]),
        Row(.write, [0x0A, 0x1F, 0xFF, 0xFF, 0xFF, 0x04], form: .six, change),
        Row(.inquiry, [0x12, 0x01, 0xFF, 0xFF, 0xFF, 0x04], always.union(.ignoresAttention)),
        Row(
            .modeSelect6, [0x15, 0x11, 0, 0, 0xFF, 0x04], [.changes, .takesData]),
        Row(.reserve6, [0x16, 0, 0, 0, 0, 0x04]),
        Row(.release6, [0x17, 0, 0, 0, 0, 0x04], .passesReserve),
        Row(.modeSense6, [0x1A, 0x08, 0xFF, 0xFF, 0xFF, 0x04], .reads),
        Row(.startStopUnit, [0x1B, 0x01, 0, 0x0F, 0xF7, 0x04]),
        Row(.receiveDiagnostic, [0x1C, 0x01, 0xFF, 0xFF, 0xFF, 0x04], .reads),
        Row(.sendDiagnostic, [0x1D, 0xF7, 0, 0xFF, 0xFF, 0x04], [.changes, .takesData]),
        Row(.preventMediumRemoval, [0x1E, 0, 0, 0, 0x03, 0x04]),
    ]

    private static let tens: [Row] = [
        Row(.readCapacity10, [0x25, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0x01, 0x04], .needsMedium),
        Row(
            .read, [0x28, 0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04], form: .ten, read,
            tolerated: forceNonVolatile),
        Row(
            .write, [0x2A, 0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04], form: .ten,
            write, tolerated: forceNonVolatile),
        Row(
            .writeAndVerify, [0x2E, 0xF6, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04],
            form: .ten, write),
        Row(
            .verify, [0x2F, 0xF6, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04], form: .ten,
            read.union(.takesData)),
        Row(
            .prefetch, [0x34, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04], form: .ten,
            [.needsMedium, .reads]),
        Row(
            .synchronizeCache, [0x35, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04],
            form: .ten, [.needsMedium, .changes], tolerated: 0x04),
        Row(
            .readDefectData10, [0x37, 0, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0x04],
            [.needsMedium, .reads]),
        Row(
            .writeSame, [0x41, 0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0xFF, 0xFF, 0x04], form: .ten,
            write),
        Row(.unmap, [0x42, 0x01, 0, 0, 0, 0, 0x3F, 0xFF, 0xFF, 0x04], change),
        Row(.sanitize, [0x48, 0xA0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04], action: 1, change),
        Row(.sanitize, [0x48, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0x04], action: 2, change),
        Row(.sanitize, [0x48, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0x04], action: 3, change),
        Row(.sanitize, [0x48, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0x04], action: 31, change),
        Row(.logSense, [0x4D, 0x01, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x04]),
        Row(
            .modeSelect10, [0x55, 0x11, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04],
            [.changes, .takesData]),
        Row(.reserve10, [0x56, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04]),
        Row(.release10, [0x57, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04], .passesReserve),
        Row(.modeSense10, [0x5A, 0x18, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0x04], .reads),
    ]

    private static let persistents: [Row] =
        (UInt16(0)...3).map { action in
            Row(
                .persistentReserveIn, [0x5E, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04], action: action)
        }
        + (UInt16(0)...7).map { action in
            Row(
                .persistentReserveOut, [0x5F, 0, 0xFF, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x04],
                action: action, .takesData)
        }

    private static let sixteens: [Row] = [
        Row(
            .extendedCopy, [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04],
            action: 0, [.needsMedium, .changes, .takesData]),
        Row(
            .receiveCopyStatus,
            [0x84, 0, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04], action: 0,
            .changes),
        Row(
            .receiveCopyParameters,
            [0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04], action: 3,
            .changes),
        sixteen(.read, 0x88, 0xF8, read, tolerated: forceNonVolatile),
        Row(
            .compareAndWrite,
            [
                0x89, 0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0x3F,
                0x04,
            ], form: .sixteenShort, write, tolerated: forceNonVolatile),
        sixteen(.write, 0x8A, 0xF8, write, tolerated: forceNonVolatile),
        sixteen(.orWrite, 0x8B, 0xF8, write, tolerated: forceNonVolatile),
        sixteen(.writeAndVerify, 0x8E, 0xF6, write),
        sixteen(.verify, 0x8F, 0xF6, read.union(.takesData)),
        sixteen(.prefetch, 0x90, 0x02, [.needsMedium, .reads]),
        sixteen(.synchronizeCache, 0x91, 0x02, [.needsMedium, .changes], tolerated: 0x04),
        sixteen(.writeSame, 0x93, 0xF9, write),
        Row(
            .writeAtomic,
            [
                0x9C, 0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                0xFF, 0x3F, 0x04,
            ], form: .sixteenWord, write),
        Row(
            .readCapacity16,
            [
                0x9E, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                0x01, 0x04,
            ], action: 0x10, .needsMedium),
        Row(
            .getLBAStatus,
            [
                0x9E, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                0, 0x04,
            ], action: 0x12, [.needsMedium, .reads]),
    ]

    private static let managements: [Row] = [
        Row(
            .reportLUNs, [0xA0, 0, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04],
            always.union(.ignoresAttention)),
        Row(
            .reportTargetPortGroups, [0xA3, 0xE0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04],
            action: 0x0A, .whileSanitizing),
        Row(
            .reportOperationCodes,
            [0xA3, 0, 0x87, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04], action: 0x0C,
            .whileSanitizing),
        Row(
            .reportTaskManagement, [0xA3, 0, 0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04],
            action: 0x0D, .whileSanitizing),
    ]

    private static let twelves: [Row] = [
        twelve(.read, 0xA8, 0xF8, read, tolerated: forceNonVolatile),
        twelve(.write, 0xAA, 0xF8, write, tolerated: forceNonVolatile),
        twelve(.writeAndVerify, 0xAE, 0xF6, write),
        twelve(.verify, 0xAF, 0xF6, read.union(.takesData)),
        Row(
            .readDefectData12,
            [0xB7, 0x1F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x04],
            [.needsMedium, .reads]),
    ]

    private static func twelve(
        _ command: SCSICommand, _ opcode: UInt8, _ first: UInt8, _ traits: SCSITraits,
        tolerated: UInt8 = 0
    ) -> Row {
        Row(
            command,
            [opcode, first, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0x04],
            form: .twelve, traits, tolerated: tolerated)
    }

    private static func sixteen(
        _ command: SCSICommand, _ opcode: UInt8, _ first: UInt8, _ traits: SCSITraits,
        tolerated: UInt8 = 0
    ) -> Row {
        Row(
            command,
            [opcode, first] + [UInt8](repeating: 0xFF, count: 12) + [0x3F, 0x04],
            form: .sixteen, traits, tolerated: tolerated)
    }
}
