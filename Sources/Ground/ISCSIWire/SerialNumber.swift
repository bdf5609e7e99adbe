/// Arithmetic of 32-bit sequence numbers that wrap (RFC 1982, as RFC 7143, 4.2.2.1, asks for).
public enum SerialNumber {
    /// Whether `left` comes before `right`.
    public static func isLess(_ left: UInt32, _ right: UInt32) -> Bool {
        Int32(bitPattern: left &- right) < 0
    }

    /// Whether `value` is one of `first` up to and including `last`; a window that has `last` just
    /// before `first` is closed.
    public static func isWithin(_ value: UInt32, _ first: UInt32, _ last: UInt32) -> Bool {
        !isLess(value, first) && !isLess(last, value)
    }
}
