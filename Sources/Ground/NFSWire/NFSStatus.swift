/// How the server says an operation ended.
///
/// RFC 1813, section 2.6 (nfsstat3).
///
/// A server may send a number that is not listed: `init(rawValue:)` is then nil.
public enum NFSStatus: UInt32, Sendable, CaseIterable {
    case ok = 0
    case notOwner = 1
    case noEntry = 2
    case io = 5
    case noDevice = 6
    case access = 13
    case exists = 17
    case crossDevice = 18
    case noSuchDevice = 19
    case notDirectory = 20
    case isDirectory = 21
    case invalid = 22
    case tooBig = 27
    case noSpace = 28
    case readOnly = 30
    case tooManyLinks = 31
    case nameTooLong = 63
    case notEmpty = 66
    case quota = 69
    case stale = 70
    case remote = 71
    case badHandle = 10001
    case notSynchronized = 10002
    case badCookie = 10003
    case notSupported = 10004
    case tooSmall = 10005
    case serverFault = 10006
    case badType = 10007
    /// Try again later (NFS3ERR_JUKEBOX).
    case jukebox = 10008
}
