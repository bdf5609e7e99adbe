import Platform

/// What is checked of a source when the storage daemon has opened it, and before anybody writes.
struct OpenedCheck: Sendable {
    /// The source, where it is a VHDX that is to be written.
    private let vhdx: OwnedFD?

    init(_ plan: StoragePlan) {
        vhdx = plan.format == .vhdx && !plan.readOnly ? plan.source : nil
    }

    /// Refuses a VHDX whose header still names a log, though a whole one is replayed by now.
    ///
    /// An interrupted QEMU leaves that between naming the log and writing its first entry. QEMU
    /// 7.2 opens such an image, and then refuses every write that needs a new block, so that a
    /// commit would stop half-way.
    func run() throws(StorageError) {
        guard let vhdx else { return }
        var copies: [[UInt8]] = []
        do {
            for place in VHDXHeader.places {
                copies.append(try Files.read(vhdx, at: place, count: VHDXHeader.size))
            }
        } catch { throw .system(error) }
        guard VHDXHeader.current(of: copies)?.hasLog != true else { throw .halfMadeLog }
    }
}
