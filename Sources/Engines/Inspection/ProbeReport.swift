public import Catalogue

/// A source's layers with what this host makes of them: what `causeway probe` shows.
public struct ProbeReport: Sendable {
    /// The layers.
    public let source: SourceReport
    /// The judge of the host.
    public let host: HostSupport

    /// Puts both together.
    public init(source: SourceReport, host: HostSupport) {
        self.source = source
        self.host = host
    }

    /// What this host makes of a file system.
    public func verdict(_ entry: CatalogueEntry) -> HostVerdict {
        guard source.isRaw else {
            let title = source.container?.title ?? source.format
            return HostVerdict(
                answer: .notSupported, method: nil,
                reason: "the host's kernel does not open this format (\(title))")
        }
        return host.verdict(entry, source: source.kind)
    }

    /// The volumes that a plain mount would show, or why it would fail.
    var defaultMount: Result<[Volume], InspectionError> {
        do { return .success(try source.selectVolumes()) } catch { return .failure(error) }
    }
}

/// Text for people.
enum Words {
    /// Without control characters, which a hostile label could use to talk to the terminal.
    static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
                result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// In quotation marks, safe.
    static func quoted(_ text: String) -> String { "\"\(safe(text))\"" }

    /// A size in powers of 1,024 with one decimal: `1.5 GiB`.
    static func size(_ bytes: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        guard bytes >= 1024 else { return "\(bytes) B" }
        var unit = 0
        var scaled = bytes
        var rest: UInt64 = 0
        // Rounds down, so that a size never looks larger than it is.
        while scaled >= 1024 * 1024 {
            scaled /= 1024
            unit += 1
        }
        rest = (scaled % 1024) * 10 / 1024
        return "\(scaled / 1024).\(rest) \(units[unit])"
    }

    /// Digits in groups of three.
    static func grouped(_ number: UInt64) -> String {
        var result = ""
        let digits = String(number)
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { result += "," }
            result.append(digit)
        }
        return result
    }

    /// The answer of a verdict.
    static func answer(_ verdict: HostVerdict) -> String {
        switch verdict.answer {
        case .supported: "supported"
        case .needsPrivileges: "needs privileges"
        case .notSupported: "not supported"
        }
    }

    /// Why a layer cannot be opened.
    static func unsupported(_ layer: LayerEntry) -> String {
        switch layer.kind {
        case .encryption: "recognised; this release does not open encrypted volumes yet"
        case .volumeManager:
            "recognised; this release does not assemble volume groups and pools yet"
        case .raid: "recognised; this release does not assemble RAID arrays yet"
        case .swap: "swap space holds no files"
        case .journal: "a journal of another volume holds no files"
        case .fileSystem: "recognised; the guest has no driver for it yet"
        case .partitionTable: "recognised; this release does not read this partition table yet"
        }
    }
}
