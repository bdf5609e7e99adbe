import Targets

/// The names under which clients find an export.
struct ExportNames: Equatable {
    /// The export's own: NBD's export name.
    let name: String
    /// The iSCSI target's (RFC 7143, 4.2.7).
    let iscsi: String

    /// The naming authority: a name that belongs to no one (RFC 6761, 6.3).
    static let authority = "iqn.2026-11.localhost.causeway"

    /// Names an export of a source as asked, or after the source.
    ///
    /// Partitions are other disks than their source, and have other iSCSI names.
    init(_ request: ExportRequest, source: String, partition: String? = nil) {
        let file = source.split(separator: "/").last.map(String.init) ?? "disk"
        name = request.name ?? file
        let part = partition.map { ":part\(Self.iscsiForm($0))" } ?? ""
        iscsi = request.iscsiName ?? "\(Self.authority):\(Self.iscsiForm(name))\(part)"
    }

    /// Letters, digits, `-`, `.` and `:` in lower case: what an iSCSI name is made of (RFC 3722).
    static func iscsiForm(_ name: String) -> String {
        let form = name.lowercased().map { letter -> Character in
            let fits = letter.isASCII && (letter.isLetter || letter.isNumber)
            return fits || letter == "." || letter == ":" ? letter : "-"
        }
        let trimmed = String(String(form).prefix(160))
        return trimmed.isEmpty ? "disk" : trimmed
    }

    /// The URL that a client types for a listener.
    func url(_ wanted: ExportProtocol, at address: ListenAddress, tls: Bool) -> String {
        let path = Self.escape(name)
        return switch (wanted, address) {
        case (.iscsi, _): "iscsi://\(address)/\(iscsi)/0"
        case (.nbd, .unix(let socket)):
            "nbd\(tls ? "s" : "")+unix:///\(path)?socket=\(Self.escape(socket, keeping: "/"))"
        case (.nbd, _): "nbd\(tls ? "s" : "")://\(address)/\(path)"
        // iPXE's form, and the interface after it.
        case (.aoe, _): "aoe:\(address)"
        }
    }

    /// Percent-encodes what is not unreserved (RFC 3986, 2.3).
    private static func escape(_ text: String, keeping: String = "") -> String {
        var result = ""
        for byte in text.utf8 {
            let letter = Character(UnicodeScalar(byte))
            let plain = letter.isASCII && (letter.isLetter || letter.isNumber)
            if plain || "-._~".contains(letter) || keeping.contains(letter) {
                result.append(letter)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
