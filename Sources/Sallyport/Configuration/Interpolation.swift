/// Why a text with `${NAME}` in it could not be expanded.
enum InterpolationError: Error, Equatable {
    /// No value for the variable and no default.
    case unset(String)
    /// `${` without an end, or with something else than a name in it.
    case malformed(String)
}

/// Replaces `${NAME}` and `${NAME:-default}` in values of the configuration.
///
/// `$$` stands for one `$`; a `$` before anything else stays as it is. What a variable holds is never expanded again and
/// never becomes structure: expansion happens after the file was parsed.
enum Interpolation {
    /// `text` with its references replaced by values of `environment`, and by what `missing` has for a variable that is not set.
    static func expand(
        _ text: String, environment: [String: String], missing: ((String) -> String)? = nil
    ) throws(InterpolationError) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        var output = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            output += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            switch rest.first {
            case "$":
                output += "$"
                rest = rest.dropFirst()
            case "{":
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: "}") else { throw .malformed("${\(rest)") }
                output += try value(of: rest[..<end], environment, missing)
                rest = rest[rest.index(after: end)...]
            default:
                output += "$"
            }
        }
        return output + rest
    }

    private static func value(
        of reference: Substring, _ environment: [String: String], _ missing: ((String) -> String)?
    ) throws(InterpolationError) -> String {
        // `env:` is how VS Code writes the same thing.
        let body = reference.hasPrefix("env:") ? reference.dropFirst(4) : reference
        let name = body.prefix { $0 != ":" }
        guard isName(name) else { throw .malformed("${\(reference)}") }
        let tail = body.dropFirst(name.count)
        if tail.isEmpty {
            if let value = environment[String(name)] { return value }
            guard let missing else { throw .unset(String(name)) }
            return missing(String(name))
        }
        guard tail.hasPrefix(":-") else { throw .malformed("${\(reference)}") }
        if let value = environment[String(name)], !value.isEmpty { return value }
        return String(tail.dropFirst(2))
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy {
            ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
        }
    }
}
