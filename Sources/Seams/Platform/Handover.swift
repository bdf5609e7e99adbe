import CPlatform

/// Descriptors for libraries that close what they are given.
public enum Handover {
    /// A second number of the same open file, close-on-exec; whoever gets it closes it.
    public static func number(for descriptor: OwnedFD) throws(SystemError) -> Int32 {
        try checked(cp_duplicate(descriptor.raw), "dup")
    }
}
