import Testing

import JSONText

@Suite struct JSONValueTests {
    private func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    @Test func `parses every kind of value`() throws {
        let value = try parse(
            """
            {"a": [1, -2, 18446744073709551615], "b": {"c": null}, "d": true, "e": false,
             "f": "x\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"}
            """)
        #expect(value["a"] == .array([.integer(1), .integer(-2), .unsigned(.max)]))
        #expect(value["b"]?["c"] == .null)
        #expect(value["d"] == .bool(true))
        #expect(value["e"] == .bool(false))
        #expect(value["f"] == .string("x\"\\/\u{8}\u{c}\n\r\té😀"))
        #expect(value["g"] == nil)
    }

    @Test func `writes what it reads`() throws {
        let value = JSONValue.object([
            .init("empty", .array([])), .init("none", .object([])),
            .init("text", .string("a\u{1b}[31m\u{9f}\"\\\n")), .init("big", .unsigned(.max)),
            .init("list", .array([.null, .bool(true), .integer(-1)])),
        ])
        #expect(try parse(value.text) == value)
        #expect(!value.text.utf8.contains(0x1b))
        #expect(value.text.hasSuffix("}\n"))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
        "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"a\nb\"", "tru", "nul", "01", "-", "1.", ".5", "1e", "1e+", "1.e3", "+1", "1 2", "[1] x",
        "99999999999999999999", "{\"a\":1,\"a\":2}",
    ])
    func `refuses bad documents`(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test(arguments: ["1.5", "-0.25e-3", "1E3", "0e+0"])
    func `numbers that are not whole stay as they were written`(_ text: String) throws {
        #expect(try parse(text) == .decimal(text))
        #expect(JSONValue.decimal(text).line == text)
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-12", "\"\"", "\"a\\\"b\\\\c\"", "[]", "[1,[2,[]]]", "{}",
        "{\"a\":{\"b\":[null,true]},\"c\":\"\\u0001\"}",
    ])
    func `one line comes back as it was written`(text: String) throws {
        #expect(try parse(text).line == text)
    }

    @Test func `names and paths cannot break out of their quotes`() throws {
        let name = "a\"],\n\u{1}\\"
        let line = JSONValue.object(["file": .string(name)]).line
        #expect(!line.contains("\n"))
        #expect(try parse(line)["file"]?.stringValue == name)
    }

    @Test func `reads what a storage daemon's monitor sends`() throws {
        let value = try parse(
            """
            {"timestamp": {"seconds": 1, "microseconds": 2.5e3}, "event": "STOP", \
            "data": {"t": "\\ud83d\\ude00", "x": [ 1 , 2 ]}}\r
            """)
        #expect(value["event"]?.stringValue == "STOP")
        #expect(value["data"]?["t"]?.stringValue == "😀")
        #expect(value["data"]?["x"]?.elements.compactMap(\.integerValue) == [1, 2])
    }

    @Test func `refuses bytes that are not UTF-8`() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xff, 0x22]) }
    }

    @Test func `bounds nesting`() throws {
        let deep = JSONValue.Limits.depth - 1
        _ = try parse(String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
        let tooDeep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try parse(tooDeep) }
    }

    @Test func `bounds size`() {
        let bytes = [UInt8](repeating: 0x20, count: JSONValue.Limits.bytes + 1)
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test func `numbers keep 64 bits`() {
        #expect(JSONValue.number(UInt64.max) == .unsigned(.max))
        #expect(JSONValue.number(Int?.none) == .null)
        #expect(JSONValue.number(UInt64(7)) == .integer(7))
    }
}
