import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --iscsi`, attached to by other people's initiators.
@Suite(.tags(.system), .serialized) struct ISCSITests {
    @Test func `libiscsi's whole suite passes on an exported file`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 128 << 20)
            try causeway.withExport(image, ["--iscsi", "--write"]) { exported in
                let url = try exported.url("iscsi://127.0.0.1:")
                let outcome = try Command.run(
                    "iscsi-test-cu", ["-d", "-t", "ALL", url], seconds: 600)
                let line = outcome.stdout.split(separator: "\n").last { line in
                    line.split(separator: " ").first == "tests"
                }
                let figures = try #require(line, "\(outcome)").split(separator: " ")
                // Total, ran, passed, failed, inactive.
                #expect(figures.count == 6 && (Int(figures[2]) ?? 0) >= 230, "\(figures)")
                let lines = outcome.stdout.split(separator: "\n")
                #expect(figures[4] == "0", "\(lines.filter { $0.contains("...FAILED") })")
            }
        }
    }

    @Test func `initiators without the password stay outside`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let secret = "\(causeway.folder)/secret"
            try RawPath(secret).write(Array("correct-horse-battery\n".utf8))
            let options = ["--iscsi", "--user", "eve", "--password-file", secret]
            try causeway.withExport(image, options) { exported in
                let url = try exported.url("iscsi://")
                #expect(try !Command.run("iscsi-inq", [url]).isSuccess)
                let wrong = url.replacing("iscsi://", with: "iscsi://eve%wrong-horse-battery@")
                #expect(try !Command.run("iscsi-inq", [wrong]).isSuccess)
                let right = url.replacing("iscsi://", with: "iscsi://eve%correct-horse-battery@")
                let outcome = try Command.run("iscsi-inq", [right])
                #expect(outcome.isSuccess, "\(outcome)")
            }
        }
    }

    @Test func `only who has the password learns what there is`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let (secret, own) = ("\(causeway.folder)/secret", "\(causeway.folder)/own")
            try RawPath(secret).write(Array("correct-horse-battery\n".utf8))
            try RawPath(own).write(Array("another-horse-battery\n".utf8))
            let options = [
                "--iscsi", "--user", "eve", "--password-file", secret, "--target-user", "adam",
                "--target-password-file", own,
            ]
            try causeway.withExport(image, options) { exported in
                // iscsi://ADDRESS:PORT/TARGET/LUN
                let parts = try exported.url("iscsi://").split(separator: "/").map(String.init)
                func listed(_ login: String, target: String? = nil) throws -> Bool {
                    let mutual =
                        target.map {
                            [
                                "LIBISCSI_CHAP_TARGET_USERNAME=adam",
                                "LIBISCSI_CHAP_TARGET_PASSWORD=\($0)",
                            ]
                        } ?? []
                    let outcome = try Command.run(
                        "iscsi-ls", ["iscsi://\(login)\(parts[1])"],
                        environment: Command.environment + mutual)
                    #expect(outcome.isSuccess == outcome.stdout.contains(parts[2]), "\(outcome)")
                    return outcome.isSuccess
                }
                #expect(try !listed(""))
                #expect(try !listed("eve%wrong-horse-battery@"))
                let right = "eve%correct-horse-battery@"
                #expect(try listed(right))
                #expect(try listed(right, target: "another-horse-battery"))
                #expect(try !listed(right, target: "wrong-horse-battery"))
            }
        }
    }

    @Test func `a short password is refused before anything starts`() throws {
        try Causeway.scoped { causeway in
            let secret = "\(causeway.folder)/secret"
            try RawPath(secret).write(Array("short\n".utf8))
            let outcome = try causeway.run([
                "export", try causeway.copy("ext4"), "--iscsi", "--user", "eve", "--password-file",
                secret,
            ])
            #expect(!outcome.isSuccess && outcome.stderr.contains("12 to 255"), "\(outcome)")
        }
    }
}
