import NBDWire

/// What is to be done with a request, judged by its header alone.
enum RequestVerdict: Equatable, Sendable {
    /// Do it.
    case perform
    /// Answer with an error, after its payload has been passed over.
    case refuse(NBDErrorNumber, String)
    /// End the connection when everything before is done.
    case disconnect
    /// The client is broken or hostile: end the connection at once; in words.
    case violation(String)
}

extension NBDSession {
    /// Most bytes of a payload that is passed over in order to answer with an error.
    static let skippedPayload = 2 * UInt64(NBDLimits.payload)

    /// Judges a request.
    ///
    /// doc/proto.md, "Request types", "Command flags" and "Error values".
    func judge(_ request: NBDRequest) -> RequestVerdict {
        if request.command == .disconnect { return .disconnect }
        let payload = request.payloadLength(style)
        let longest = style == .extended ? UInt64(NBDLimits.payload) : Self.skippedPayload
        guard payload <= longest else {
            return .violation("a payload of \(payload) bytes")
        }
        guard let allowed = allowedFlags(request.command) else {
            return .refuse(.invalid, "the command is not known here")
        }
        guard request.flags.isSubset(of: allowed) else {
            return .refuse(.invalid, "a flag does not belong to the command")
        }
        return judgeRange(request)
    }

    /// Flags that a command may have; nil where the export has no such command.
    private func allowedFlags(_ command: NBDCommand) -> NBDCommandFlags? {
        switch command {
        case .read: return flags.contains(.sendDF) ? [.fua, .dontFragment] : .fua
        case .write: return style == .extended ? [.fua, .payloadLength] : .fua
        case .flush, .cache: return .fua
        case .trim:
            // A read-only export refuses it as a change, not as unknown.
            return flags.contains(.sendTrim) || flags.contains(.readOnly) ? .fua : nil
        case .writeZeroes: return [.fua, .noHole, .fastZero]
        case .blockStatus:
            guard hasContext else { return nil }
            let payload = flags.contains(.blockStatusPayload)
            return payload ? [.fua, .requestOne, .payloadLength] : [.fua, .requestOne]
        default: return nil
        }
    }

    private func judgeRange(_ request: NBDRequest) -> RequestVerdict {
        let isChange = [.write, .trim, .writeZeroes].contains(request.command)
        if isChange, flags.contains(.readOnly) {
            return .refuse(.notPermitted, "the export is read-only")
        }
        if request.command == .flush {
            guard request.offset == 0, request.length == 0 else {
                return .refuse(.invalid, "a flush has no range")
            }
            return .perform
        }
        if request.command == .write {
            guard style != .extended || request.flags.contains(.payloadLength) else {
                return .refuse(.invalid, "a write without its payload")
            }
            guard request.length <= NBDLimits.payload else {
                return .refuse(.invalid, "more than 32 MiB at once")
            }
        }
        if request.command == .blockStatus, request.flags.contains(.payloadLength) {
            return request.length >= 8 && request.length <= Self.statusPayload
                ? .perform : .refuse(.invalid, "a payload of the wrong length")
        }
        guard request.offset <= size, request.length <= size - request.offset else {
            let isWrite = request.command == .write || request.command == .writeZeroes
            return .refuse(isWrite ? .noSpace : .invalid, "the range ends behind the export")
        }
        if request.command == .read, request.length > NBDLimits.payload {
            let error = flags.contains(.sendDF) ? NBDErrorNumber.overflow : .invalid
            return .refuse(error, "more than 32 MiB at once")
        }
        if request.command == .blockStatus, request.length == 0 {
            return .refuse(.invalid, "an empty range has no status")
        }
        return .perform
    }

    /// Longest payload of a block status request, in bytes.
    static let statusPayload = UInt64(8 + 4 * NBDLimits.queries)
}
