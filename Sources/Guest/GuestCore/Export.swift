import GuestWire
import Platform

/// One mounted and exported file system, and the places it takes.
struct Export: Sendable {
    /// What the host calls it; from 1.
    var id: UInt32
    /// The guest's block device, `/dev/…`.
    var device: String
    /// Whether it is mounted read-only.
    var readOnly: Bool
    /// Anything on the exported mount, for opening by handle.
    var root: OwnedFD?
    /// The pass-through that stands in front, where there is one.
    var passThrough: PassThrough?

    /// Where the file system itself is mounted.
    var mountPoint: String { "/m/\(id)" }
    /// Where the pass-through is mounted.
    var passThroughPoint: String { "/p/\(id)" }
    /// The folder that is exported as strict.
    var strictPath: String { passThrough == nil ? mountPoint : passThroughPoint }
    /// A second view of the same mount, exported as relaxed.
    var relaxedPath: String { "/r/\(id)" }
    /// File-system id of the strict export; see `docs/formats/guest-wire.md`.
    var strictID: UInt32 { 2 * id }
    /// File-system id of the relaxed export.
    var relaxedID: UInt32 { 2 * id + 1 }

    /// Enters both exports into the server's caches.
    func publish() throws(SystemError) {
        try NFSServer.export(strictPath, id: strictID, readOnly: readOnly, relaxed: false)
        try NFSServer.export(relaxedPath, id: relaxedID, readOnly: readOnly, relaxed: true)
    }
}
