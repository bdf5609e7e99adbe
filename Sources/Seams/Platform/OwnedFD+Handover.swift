import CPlatform

extension OwnedFD {
    /// A second descriptor of the same open file, as a bare number for an owner of another kind
    /// (an event loop's channel), which must close it.
    public func duplicateForHandover() throws(SystemError) -> Int32 {
        try checked(cp_duplicate(raw), "dup")
    }
}
