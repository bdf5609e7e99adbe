import Platform

/// The errno of the system call that a body fails with; nil where it does not fail.
func errnoOf(_ body: () throws -> Void) throws -> Int32? {
    do {
        try body()
        return nil
    } catch let error as SystemError {
        return error.errno
    }
}
