import CPlatform

extension OwnedFD {
    /// A second descriptor of the same open file, as a bare number for an owner of another kind
    /// (an event loop's channel), which must close it.
    public func duplicateForHandover() throws(SystemError) -> Int32 {
        try checked(cp_duplicate(raw), "dup")
    }

    /// listen(2): how many connections of a socket may wait to be accepted; may be called again.
    public func listen(backlog: Int32) throws(SystemError) {
        try checked(cp_listen(raw, backlog), "listen")
    }
}
