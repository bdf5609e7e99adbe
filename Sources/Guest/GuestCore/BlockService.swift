public import GuestWire

/// What hands out the guest's disks as blocks, in the appliance that can.
///
/// Its plans and reports are between it and the host; the agent passes their bytes. One thread at
/// a time: the control connection's.
public protocol BlockService: Sendable {
    /// Serves as the plan says; returns when clients can connect.
    func start(plan: [UInt8]) throws(GuestFailure)
    /// Lets clients finish within the time, makes everything durable, and reports what was done.
    ///
    /// Throws where something that was acknowledged may not be durable. Does nothing where nothing
    /// is served.
    func stop(milliseconds: Int64) throws(GuestFailure) -> [UInt8]
}
