import Glibc
import Platform

@testable import Inspection

/// A disk image in a temporary file, removed with the value.
final class TestDisk {
    let path: String
    let descriptor: OwnedFD

    init(size: UInt64, name: String = "disk.img") throws {
        var template = Array("/tmp/causeway-inspection-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        guard made != nil else { throw SystemError(errno: errno, call: "mkdtemp") }
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = folder + "/" + name
        descriptor = try Files.open(path, [.readWrite, .create])
        try Files.truncate(descriptor, to: size)
    }

    deinit {
        unlink(path)
        if let slash = path.lastIndex(of: "/") { rmdir(String(path[..<slash])) }
    }

    var window: Window {
        get throws {
            Window(descriptor, offset: 0, length: try Files.status(descriptor).size)
        }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) {
        let written = bytes.withUnsafeBytes {
            pwrite(descriptor.raw, $0.baseAddress, $0.count, off_t(offset))
        }
        precondition(written == bytes.count, "the test disk takes what it is given")
    }

    func write(_ text: String, at offset: UInt64) { write(Array(text.utf8), at: offset) }

    func bytes(at offset: UInt64, count: Int) throws -> [UInt8] {
        try Files.read(descriptor, at: offset, count: count)
    }

    func resize(_ size: UInt64) throws { try Files.truncate(descriptor, to: size) }

    func report() throws(InspectionError) -> SourceReport { try Inspector().inspect(path: path) }

    /// What the inspector makes of it as an image in this format.
    func identify(format: String) throws(InspectionError) -> IdentifiedSource {
        try Inspector().identify(descriptor, path: path, format: format)
    }

    /// Runs a mkfs on this disk.
    func make(_ program: String, _ arguments: [String] = []) throws {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(
                path: "/usr/sbin/\(program)", arguments: arguments + [path],
                environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]),
            mergeErrors: true)
        guard end.isSuccess else {
            throw SystemError(
                errno: EIO, call: "\(program): \(String(decoding: output, as: UTF8.self))")
        }
    }

    static func has(_ program: String) -> Bool { Files.isExecutable("/usr/sbin/\(program)") }
}

/// The little-endian bytes of a number.
func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// The big-endian bytes of a number.
func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

/// Bytes of an in-memory volume, with fields put into it.
struct TestVolume {
    var bytes: [UInt8]

    init(size: Int) { bytes = [UInt8](repeating: 0, count: size) }

    mutating func put(_ field: [UInt8], at offset: Int) {
        bytes.replaceSubrange(offset..<offset + field.count, with: field)
    }

    func read(_ offset: UInt64, _ count: Int) -> [UInt8]? {
        guard count >= 0, offset <= UInt64(bytes.count),
            UInt64(count) <= UInt64(bytes.count) - offset
        else { return nil }
        return Array(bytes[Int(offset)..<Int(offset) + count])
    }
}
