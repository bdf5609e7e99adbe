import Glibc

/// A system call that failed: which, on what, and the errno.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Linux errno, positive.
    public var errno: Int32
    /// The call, and what it was done to: `open /dev/fuse`.
    public var call: String

    /// Makes an error.
    public init(errno: Int32, call: String) {
        self.errno = errno
        self.call = call
    }

    /// The call and the system's words for the errno.
    public var description: String { "\(call): \(SystemError.words(errno))" }

    /// The system's words for an errno; strerror is thread-safe since glibc 2.32.
    public static func words(_ errno: Int32) -> String {
        String(cString: strerror(errno))
    }
}

/// Turns a C result of the form value-or-minus-errno into a value or an error.
@discardableResult
func checked<Value: SignedInteger>(
    _ result: Value, _ call: @autoclosure () -> String
) throws(SystemError) -> Value {
    guard result >= 0 else { throw SystemError(errno: Int32(-Int(result)), call: call()) }
    return result
}

/// Turns a libc result of the form value-or-minus-one into a value or an error.
@discardableResult
func libc<Value: SignedInteger>(
    _ call: @autoclosure () -> String, _ body: () -> Value
) throws(SystemError) -> Value {
    while true {
        let result = body()
        if result >= 0 { return result }
        if Glibc.errno != EINTR { throw SystemError(errno: Glibc.errno, call: call()) }
    }
}
