import Foundation
import JSON
import Testing

/// The published expectations of github.com/nst/JSONTestSuite, read from the folder beside the checkout.
@Suite struct JSONTestSuiteTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("shared/vectors/JSONTestSuite/test_parsing")

    static func cases(_ prefix: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted()
    }

    static func accepts(_ name: String) throws -> Bool {
        let text = try Data(contentsOf: folder.appendingPathComponent(name))
        // The suite nests deeper than this project allows; depth has tests of its own.
        return (try? JSONDocument(parsing: Array(text), limits: JSONLimits(maximumDepth: 1000))) != nil
    }

    @Test(.enabled(if: !cases("y_").isEmpty, "the public vectors are not beside this checkout"))
    func everythingThatMustBeAcceptedIs() throws {
        // RFC 8259 §4 leaves repeated keys open, the suite accepts them, and this project refuses them on purpose.
        let refusedOnPurpose = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
        for name in Self.cases("y_") {
            let accepted = try Self.accepts(name)
            #expect(accepted != refusedOnPurpose.contains(name), "\(name)")
        }
    }

    @Test(.enabled(if: !cases("n_").isEmpty, "the public vectors are not beside this checkout"))
    func everythingThatMustBeRefusedIs() throws {
        for name in Self.cases("n_") {
            let accepted = try Self.accepts(name)
            #expect(!accepted, "\(name)")
        }
    }

    /// What the standard leaves open: numbers of any size are kept as text; text that is not strict UTF-8, a byte
    /// order mark, UTF-16 and half surrogate pairs are refused.
    @Test(.enabled(if: !cases("i_").isEmpty, "the public vectors are not beside this checkout"))
    func whatIsLeftOpenIsDecided() throws {
        for name in Self.cases("i_") {
            let accepted = try Self.accepts(name)
            let expected = name.hasPrefix("i_number_") || name == "i_structure_500_nested_arrays.json"
            #expect(accepted == expected, "\(name)")
        }
    }
}
