import Catalogue
import Platform

/// Turns a type and the bytes around it into a finding.
enum FindingBuilder {
    /// What is said of a superblock whose checksum is wrong.
    static let checksumNotice = "its superblock's checksum is wrong"

    /// The finding for a superblock of this entry.
    static func finding(
        _ hit: SuperblockHit, _ entry: CatalogueEntry, _ window: Window
    ) -> FileSystemFinding {
        let read = shifted(window, entry: entry, magic: hit.magicOffset)
        let size = size(entry, hit.version, read)
        let state = state(entry, hit, read)
        let facts = entry.notices.filter { $0.when.holds(read) }
        var notices = (facts.map(\.says) + [state.refusesWriting]).compactMap { $0 }
        if hit.checksumWrong { notices.append(checksumNotice) }
        return FileSystemFinding(
            entry: entry, type: hit.type, version: hit.version, label: hit.label, uuid: hit.uuid,
            size: size, state: state.state, stateReason: state.reason, notices: notices,
            formRefusesWriting: facts.first { $0.effect == .readOnly }?.says
                ?? state.refusesWriting,
            mountRefusal: facts.first { $0.effect == .unmountable }?.says,
            isTruncated: (size ?? 0) > window.length, checksumWrong: hit.checksumWrong,
            readOnly: plan(entry, entry.readOnly, read),
            readWrite: entry.readWrite.map { plan(entry, $0, read) })
    }

    /// Reads relative to where the magic was found instead of where it usually lies.
    private static func shifted(
        _ window: Window, entry: CatalogueEntry, magic: UInt64?
    ) -> VolumeBytes {
        guard let anchor = entry.anchor, let magic, anchor != magic else { return window.read }
        return { offset, count in
            let (sum, overflow) = offset.addingReportingOverflow(magic)
            guard !overflow, sum >= anchor else { return nil }
            return window.read(sum - anchor, count)
        }
    }

    private static func applies(_ versions: [String], _ version: String?) -> Bool {
        versions.isEmpty || version.map { versions.contains($0) } ?? false
    }

    private static func size(
        _ entry: CatalogueEntry, _ version: String?, _ read: VolumeBytes
    ) -> UInt64? {
        for rule in entry.sizes where applies(rule.versions, version) {
            if let when = rule.when, !when.holds(read) { continue }
            guard var count = rule.count.value(read), let unit = rule.unit.bytes(read) else {
                continue
            }
            if let high = rule.high, rule.highWhen?.holds(read) ?? true {
                count |= (high.value(read) ?? 0) << 32
            }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
            if bytes != 0 || overflow { return overflow ? .max : bytes }
        }
        return nil
    }

    private static func state(
        _ entry: CatalogueEntry, _ hit: SuperblockHit, _ read: @escaping VolumeBytes
    ) -> StateReaders.Finding {
        for rule in entry.states where applies(rule.versions, hit.version) {
            if rule.when.holds(read) { return .init(rule.state, rule.says) }
        }
        if let reader = entry.stateReader { return StateReaders.state(reader, read) }
        if entry.readWrite == nil && entry.states.isEmpty { return .clean }
        let known = entry.states.contains { applies($0.versions, hit.version) }
        return known ? .clean : .init(.unknown, "its superblock does not say")
    }

    private static func plan(
        _ entry: CatalogueEntry, _ rules: AccessRules, _ read: VolumeBytes
    ) -> MountPlan {
        var options = rules.options.isEmpty ? [] : [rules.options]
        if let rule = rules.optionsWhen.first(where: { $0.when.holds(read) }) {
            options.append(rule.options)
        }
        let exception = rules.roadWhen.first { $0.when.holds(read) }
        return MountPlan(
            drivers: entry.drivers, options: options.joined(separator: ","),
            road: exception?.road ?? rules.road, roadReason: exception?.says)
    }
}
