import BlockDevice

extension BlockError {
    /// The error as it is told by a device in which a place of the one below lies elsewhere.
    func moved(_ move: (UInt64) -> UInt64) -> BlockError {
        switch self {
        case .noSpace(let range):
            .noSpace(BlockRange(offset: move(range.offset), length: range.length))
        case .medium(let range, let error):
            .medium(BlockRange(offset: move(range.offset), length: range.length), error)
        case .outOfRange, .readOnly, .notSupported, .gone: self
        }
    }
}

extension BlockExtent {
    /// Adds an extent to a list, to its last one where they are alike.
    static func append(_ extent: BlockExtent, to list: inout [BlockExtent]) {
        guard extent.length > 0 else { return }
        if let last = list.last, last.isAllocated == extent.isAllocated,
            last.readsZero == extent.readsZero
        {
            list[list.count - 1].length += extent.length
        } else {
            list.append(extent)
        }
    }
}
