import ArgumentParser
import Platform
import Sessions
import Targets

/// Who may attach.
///
/// Secrets come from files, never from arguments.
struct AccessOptions: ParsableArguments {
    @Option(help: "iSCSI: the user that initiators prove they are, by CHAP.")
    var user: String?

    @Option(help: "A file whose first line is that user's password, 12 to 255 bytes.")
    var passwordFile: String?

    @Option(help: "iSCSI: who the target proves it is, to initiators that ask.")
    var targetUser: String?

    @Option(help: "A file whose first line is the target's password; differs from the user's.")
    var targetPasswordFile: String?

    @Option(help: "iSCSI: only this initiator may log in. May be given several times.")
    var initiator: [String] = []

    @Option(help: "NBD: the server's certificate chain (PEM); clients must use TLS.")
    var tlsCertificate: String?

    @Option(help: "NBD: its private key (PEM).")
    var tlsKey: String?

    @Option(help: "NBD: the authority (PEM) that clients' certificates must come from.")
    var tlsClientCA: String?

    @Option(help: "NBD: a file of keys shared beforehand, `user:hexkey` lines, for clients.")
    var tlsPSK: String?

    func validate() throws {
        guard (user == nil) == (passwordFile == nil) else {
            throw ValidationError("--user and --password-file belong together.")
        }
        guard (targetUser == nil) == (targetPasswordFile == nil), targetUser == nil || user != nil
        else {
            throw ValidationError(
                "--target-user and --target-password-file belong together, and to --user.")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil),
            tlsClientCA == nil || tlsCertificate != nil
        else { throw ValidationError("--tls-certificate and --tls-key belong together.") }
        guard tlsPSK == nil || tlsCertificate == nil else {
            throw ValidationError("--tls-psk and --tls-certificate exclude each other.")
        }
    }

    /// Refuses what would change nothing: whoever gives a password must not get an open disk.
    func check(iscsi: Bool, nbd: Bool) throws {
        let ofISCSI = [
            ("--user", user != nil), ("--target-user", targetUser != nil),
            ("--initiator", !initiator.isEmpty),
        ]
        let ofNBD = [
            ("--tls-certificate", tlsCertificate != nil), ("--tls-client-ca", tlsClientCA != nil),
            ("--tls-psk", tlsPSK != nil),
        ]
        if !iscsi, let option = ofISCSI.first(where: \.1)?.0 {
            throw ValidationError("\(option) is for iSCSI alone: it needs --iscsi.")
        }
        if !nbd, let option = ofNBD.first(where: \.1)?.0 {
            throw ValidationError("\(option) is for NBD alone: it needs --nbd.")
        }
    }

    /// Reads the files that the options name.
    func read() throws(SessionError) -> ExportAccess {
        var access = ExportAccess()
        if let user, let passwordFile {
            access.credentials = [.init(user: user, secret: try Self.password(passwordFile))]
        }
        if let targetUser, let targetPasswordFile {
            access.own = .init(user: targetUser, secret: try Self.password(targetPasswordFile))
        }
        access.initiators = initiator
        guard tlsCertificate != nil || tlsPSK != nil else { return access }
        var tls = ExportAccess.TLS()
        tls.certificate = try tlsCertificate.map(Self.text)
        tls.key = try tlsKey.map(Self.text)
        tls.clientAuthority = try tlsClientCA.map(Self.text)
        tls.sharedKeys = try tlsPSK.map(Self.text)
        access.tls = tls
        return access
    }

    private static func password(_ path: String) throws(SessionError) -> String {
        let line = try text(path).prefix { $0 != "\n" && $0 != "\r\n" }
        guard (12...255).contains(line.utf8.count) else {
            throw SessionError(
                .target, "the password in \(path) has \(line.utf8.count) bytes",
                remedy: "CHAP wants 12 to 255 (RFC 7143, 9.2.1): "
                    + "`head -c 18 /dev/urandom | base64 >\(path)`.")
        }
        return String(line)
    }

    private static func text(_ path: String) throws(SessionError) -> String {
        do { return try Files.readText(path, limit: 1 << 20) } catch {
            throw SessionError(
                .target, "cannot read \(path): \(SystemError.words(error.errno))",
                remedy: "Check the name and its permissions.")
        }
    }
}
