/// Where a build stands, for whoever shows it.
public struct BuildProgress: Equatable, Sendable {
    /// The steps of a build, in the order in which they come; some are passed over.
    public enum Phase: String, Sendable, CaseIterable {
        /// Another build of the same kernel runs; this one waits for it.
        case waiting = "waiting for another build of this kernel"
        /// A package is fetched from the distribution.
        case fetching = "fetching"
        /// Hashes of what goes in.
        case hashing = "hashing the inputs"
        /// The source is unpacked.
        case unpacking = "unpacking the kernel source"
        /// The kernel is configured.
        case configuring = "configuring the kernel"
        /// The kernel is compiled.
        case compiling = "compiling the kernel"
        /// The initial file system and the manifest are written.
        case packing = "packing"
    }

    /// The step.
    public var phase: Phase
    /// What is being worked on: a package or file; empty where there is nothing to add.
    public var subject: String
    /// Units done, where the step counts them.
    public var done: Int
    /// About how many there are; 0 where the step does not count.
    public var total: Int

    init(_ phase: Phase, _ subject: String = "", done: Int = 0, total: Int = 0) {
        self.phase = phase
        self.subject = subject
        self.done = done
        self.total = total
    }
}

/// Is called often, on the building thread.
public typealias BuildObserver = (BuildProgress) -> Void
