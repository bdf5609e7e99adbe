import Glibc
import NFSWire

/// Linux's number for what the server says; every status has one.
func linuxErrno(of status: NFSStatus?) -> Int32 {
    switch status {
    case .ok: 0
    case .notOwner: EPERM
    case .noEntry: ENOENT
    case .noDevice: ENXIO
    case .access: EACCES
    case .exists: EEXIST
    case .crossDevice: EXDEV
    case .noSuchDevice: ENODEV
    case .notDirectory: ENOTDIR
    case .isDirectory: EISDIR
    case .invalid: EINVAL
    case .tooBig: EFBIG
    case .noSpace: ENOSPC
    case .readOnly: EROFS
    case .tooManyLinks: EMLINK
    case .nameTooLong: ENAMETOOLONG
    case .notEmpty: ENOTEMPTY
    case .quota: EDQUOT
    case .stale, .badHandle: ESTALE
    case .remote: EREMOTE
    case .notSupported: EOPNOTSUPP
    case .badType: EINVAL
    case .jukebox: EAGAIN
    case .io, .notSynchronized, .badCookie, .tooSmall, .serverFault, nil: EIO
    }
}
