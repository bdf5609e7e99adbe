import Testing

@testable import StorageDaemon

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-12", "\"\"", "\"a\\\"b\\\\c\"", "[]", "[1,[2,[]]]", "{}",
        "{\"a\":{\"b\":[null,true]},\"c\":\"\\u0001\"}",
    ])
    func `a value comes back as it was written`(text: String) throws {
        #expect(try JSONReader.value(of: Array(text.utf8)).line == text)
    }

    @Test func `reads what a monitor sends`() throws {
        let line = """
            {"timestamp": {"seconds": 1, "microseconds": 2.5e3}, "event": "STOP", \
            "data": {"t": "\\t\\n\\u00e4\\ud83d", "x": [ 1 , 2 ]}}\r
            """
        let value = try JSONReader.value(of: Array(line.utf8))
        #expect(value["event"]?.string == "STOP")
        #expect(value["data"]?["t"]?.string == "\t\nä\u{fffd}")
        #expect(value["data"]?["x"]?.elements == [.integer(1), .integer(2)])
        #expect(value["none"] == nil)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"", "\"\\", "\"\\u12",
        "\"\\x\"", "tru", "nul", "-", "1 2", "{} {}", "99999999999999999999", "'a'",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONReader.Malformed.self) { try JSONReader.value(of: Array(text.utf8)) }
    }

    @Test func `nesting without end is refused`() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONReader.Malformed.self) { try JSONReader.value(of: deep) }
    }

    @Test func `names and paths cannot break out of their quotes`() throws {
        let name = "a\"],\n\u{1}\\"
        let line = JSONValue.object(["file": .text(name)]).line
        #expect(!line.contains("\n"))
        #expect(try JSONReader.value(of: Array(line.utf8))["file"]?.string == name)
    }
}
