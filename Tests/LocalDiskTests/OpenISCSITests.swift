import Testing

@testable import LocalDisk

/// open-iscsi's record of a target, completed by us.
@Suite struct OpenISCSITests {
    @Test func `a record keeps what it had and gets what is ours, once`() {
        let record = """
            # BEGIN RECORD 2.1.8
            node.name = iqn.2026-11.localhost.causeway:attach
            node.startup = automatic
            node.session.auth.authmethod = None
            node.conn[0].address = 127.0.0.1
            node.session.auth.password = old
            # END RECORD

            """
        let login = KernelISCSI.Login(
            target: "iqn.2026-11.localhost.causeway:attach", portal: "127.0.0.1:3260",
            user: "causeway", secret: "0123456789abcdef")
        let lines = OpenISCSI.completed(record, login).split(separator: "\n")
        #expect(lines.first == "# BEGIN RECORD 2.1.8" && lines.last == "# END RECORD")
        #expect(lines.contains("node.conn[0].address = 127.0.0.1"))
        #expect(
            lines.filter { $0.hasPrefix("node.startup") } == ["node.startup = manual"])
        #expect(
            lines.filter { $0.hasPrefix("node.session.auth.") } == [
                "node.session.auth.authmethod = CHAP", "node.session.auth.username = causeway",
                "node.session.auth.password = 0123456789abcdef",
            ])
    }
}
