import Platform

final class PassThrough: Sendable {
}
