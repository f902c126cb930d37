/// Why a text is not JSON as RFC 8259 and this project's limits define it, and where.
package struct JSONSyntaxError: Error, Hashable, CustomStringConvertible {
    /// What was wrong.
    package enum Code: String, Sendable {
        case syntax, depth, size, tooManyValues, duplicateKey, invalidUTF8, invalidEscape, trailingData, unexpectedEnd
    }

    package let code: Code
    /// Byte offset of the first byte that cannot stand where it stands.
    package let offset: Int

    package var description: String {
        switch code {
        case .syntax: "not valid JSON at byte \(offset)"
        case .depth: "nested too deeply at byte \(offset)"
        case .size: "longer than the limit of \(offset) bytes"
        case .tooManyValues: "more values than the limit, from byte \(offset) on"
        case .duplicateKey: "the same key twice in one object, at byte \(offset)"
        case .invalidUTF8: "not valid UTF-8 at byte \(offset)"
        case .invalidEscape: "an escape that names no character at byte \(offset)"
        case .trailingData: "something after the end of the JSON text at byte \(offset)"
        case .unexpectedEnd: "the JSON text ends too early, at byte \(offset)"
        }
    }
}
