import Testing

@testable import Catalogue

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
        "\"a\nb\"", "tru", "nul", "01", "-", "1.5", "1e3", "+1", "1 2", "[1] x",
        "99999999999999999999", "{\"a\":1,\"a\":2}",
    ])
    func `refuses bad documents`(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
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
