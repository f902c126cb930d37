/// Writes the little YAML that `import` needs; every text in quotes that could be read as something else.
struct YAMLWriter {
    private var lines: [String] = []

    /// What was written, without a last line break.
    var text: String { lines.joined(separator: "\n") }

    /// A line for people.
    mutating func comment(_ text: String) {
        lines.append("# " + text.filter { !$0.isNewline })
    }

    /// A key whose value follows below.
    mutating func key(_ name: String, depth: Int) {
        lines.append(Self.indent(depth) + Self.scalar(name) + ":")
    }

    /// A key with a text.
    mutating func value(_ name: String, _ value: String, depth: Int) {
        lines.append("\(Self.indent(depth))\(Self.scalar(name)): \(Self.scalar(value))")
    }

    /// The first key of a mapping that is an entry of a list.
    mutating func item(_ name: String, _ value: String, depth: Int) {
        lines.append("\(Self.indent(depth))- \(Self.scalar(name)): \(Self.scalar(value))")
    }

    /// A key with a list on one line.
    mutating func list(_ name: String, _ values: [String], depth: Int) {
        lines.append("\(Self.indent(depth))\(Self.scalar(name)): [\(values.map(Self.scalar).joined(separator: ", "))]")
    }

    /// A key with a mapping below it; nothing when it is empty.
    mutating func mapping(_ name: String, _ pairs: [(String, String)], depth: Int) {
        guard !pairs.isEmpty else { return }
        key(name, depth: depth)
        for (key, value) in pairs { self.value(key, value, depth: depth + 1) }
    }

    private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

    /// `text` plain when that is safe, else in double quotes.
    static func scalar(_ text: String) -> String {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~", ""]
        let isPlain =
            !words.contains(text.lowercased()) && text.utf8.first.map { !isDigit($0) } == true
            && text.utf8.allSatisfy {
                isDigit($0) || isLetter($0) || "_./@".utf8.contains($0) || $0 == UInt8(ascii: "-")
            }
            && !text.hasPrefix("-") && !text.hasPrefix("@")
        return isPlain ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case "\r": output += "\\r"
            default:
                if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                    || [0x2028, 0x2029, 0xfeff].contains(scalar.value)
                {
                    let hex = String(scalar.value, radix: 16)
                    output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    output.unicodeScalars.append(scalar)
                }
            }
        }
        return output + "\""
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }
}
