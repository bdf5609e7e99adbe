import SCSIWire

extension SCSITarget {
    /// Another initiator's CLEAR TASK SET ended commands of this nexus: its next command to the
    /// unit is told (SAM-5, 5.14.3 and 7.5).
    public func commandsWereCleared(lun: UInt64, of nexus: SCSINexus) {
        nexus.link(lun)?.attend(.commandsCleared)
    }
}
