/// Status class and detail of a login response (RFC 7143, 11.13.5).
enum LoginStatus: UInt16, Error, Sendable {
    case success = 0x0000
    case initiatorError = 0x0200
    case authenticationFailed = 0x0201
    case notAuthorized = 0x0202
    case targetNotFound = 0x0203
    case versionNotSupported = 0x0205
    case tooManyConnections = 0x0206
    case missingParameter = 0x0207
    case sessionTypeNotSupported = 0x0209
    case sessionDoesNotExist = 0x020A
    case invalidDuringLogin = 0x020B
    case targetError = 0x0300
    case serviceUnavailable = 0x0301
    case outOfResources = 0x0302
}
