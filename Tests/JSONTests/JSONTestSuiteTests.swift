import Foundation
import JSON
import Testing

/// The published expectations of github.com/nst/JSONTestSuite.
@Suite struct JSONTestSuiteTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Vectors/JSONTestSuite/test_parsing")

    static func cases(_ prefix: String) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return names.filter { $0.hasPrefix(prefix) }.sorted()
    }

    @Test func theSuiteIsWhole() throws {
        #expect(try ["y_", "n_", "i_"].map { try Self.cases($0).count } == [95, 188, 35])
    }

    static func accepts(_ name: String) throws -> Bool {
        let text = try Data(contentsOf: folder.appendingPathComponent(name))
        // The suite nests deeper than this project allows; depth has tests of its own.
        return (try? JSONDocument(parsing: Array(text), limits: JSONLimits(maximumDepth: 1000))) != nil
    }

    @Test func everythingThatMustBeAcceptedIs() throws {
        // RFC 8259 §4 leaves repeated keys open, the suite accepts them, and this project refuses them on purpose.
        let refusedOnPurpose = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
        for name in try Self.cases("y_") {
            let accepted = try Self.accepts(name)
            #expect(accepted != refusedOnPurpose.contains(name), "\(name)")
        }
    }

    @Test func everythingThatMustBeRefusedIs() throws {
        for name in try Self.cases("n_") {
            let accepted = try Self.accepts(name)
            #expect(!accepted, "\(name)")
        }
    }

    /// What the standard leaves open, and what this project makes of it.
    static let decided: [(pattern: String, accepted: Bool, why: String)] = [
        ("i_number_", true, "a number is its text; whether it fits is the reader's question"),
        ("i_structure_500_nested_arrays", true, "as far as the limit on depth allows, which is 64 by default"),
        ("i_structure_UTF-8_BOM", false, "RFC 8259 §8.1: no byte order mark (T07)"),
        ("i_string_UTF-16LE", false, "RFC 8259 §8.1: UTF-8 only (T07)"),
        ("i_string_utf16", false, "RFC 8259 §8.1: UTF-8 only (T07)"),
        ("i_object_key_lone_2nd_surrogate", false, "half a surrogate pair names no character (T07)"),
        ("i_string_1st_", false, "half a surrogate pair names no character (T07)"),
        ("i_string_incomplete_surrogate", false, "half a surrogate pair names no character (T07)"),
        ("i_string_invalid_lonely_surrogate", false, "half a surrogate pair names no character (T07)"),
        ("i_string_invalid_surrogate", false, "half a surrogate pair names no character (T07)"),
        ("i_string_inverted_surrogates", false, "half a surrogate pair names no character (T07)"),
        ("i_string_lone_second_surrogate", false, "half a surrogate pair names no character (T07)"),
        ("i_string_UTF-8_invalid_sequence", false, "RFC 3629 §3: not UTF-8"),
        ("i_string_UTF8_surrogate", false, "RFC 3629 §3: surrogates have no UTF-8"),
        ("i_string_invalid_utf-8", false, "RFC 3629 §3: not UTF-8"),
        ("i_string_iso_latin_1", false, "RFC 3629 §3: not UTF-8"),
        ("i_string_lone_utf8_continuation", false, "RFC 3629 §3: not UTF-8"),
        ("i_string_not_in_unicode_range", false, "RFC 3629 §3: nothing past U+10FFFF"),
        ("i_string_overlong_sequence", false, "RFC 3629 §3: one form a character"),
        ("i_string_truncated-utf-8", false, "RFC 3629 §3: not UTF-8"),
    ]

    @Test func whatIsLeftOpenIsDecided() throws {
        for name in try Self.cases("i_") {
            let rows = Self.decided.filter { name.hasPrefix($0.pattern) }
            let row = try #require(rows.first, "\(name) is not decided")
            #expect(rows.count == 1, "\(name) is decided twice")
            #expect(try Self.accepts(name) == row.accepted, "\(name): \(row.why)")
        }
    }

    @Test func noPrefixOfAnyCaseIsTrouble() throws {
        for name in try Self.cases("") {
            let text = Array(try Data(contentsOf: Self.folder.appendingPathComponent(name)).prefix(48))
            // Reading past an end would trap; answers are checked elsewhere.
            for length in 0...text.count { _ = try? JSONDocument(parsing: Array(text[..<length])) }
        }
    }
}
