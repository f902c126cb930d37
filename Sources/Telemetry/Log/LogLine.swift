import JSON

/// One event, ready to be written as one line.
package struct LogLine: Sendable {
    package let level: LogLevel
    package let label: String
    package let message: String
    package let metadata: LogMetadata

    /// One JSON object and a line end.
    package func json(at time: Timestamp) -> [UInt8] {
        var members = [
            JSONValue.Member("time", .string(time.iso8601)), .init("level", .string(level.name)),
            .init("module", .string(label)), .init("message", .string(message)),
        ]
        let reserved: Set<String> = ["time", "level", "module", "message"]
        for (key, value) in metadata.entries {
            let name = reserved.contains(key) ? key + "_" : key
            members.append(.init(name, value.json))
        }
        return JSONValue.object(members).serialized() + [0x0A]
    }

    /// `05:31:00.123 warning gateway: message key=value` and a line end.
    package func text(at time: Timestamp) -> [UInt8] {
        var line = "\(time.iso8601.dropFirst(11).dropLast()) \(level.name) \(label): \(message)"
        for (key, value) in metadata.entries { line += " \(key)=\(value.text)" }
        return Array(line.utf8) + [0x0A]
    }
}

extension LogValue {
    fileprivate var json: JSONValue {
        switch self {
        case .string(let value): .string(LogText.sanitized(value))
        case .integer(let value): .integer(Int64(value))
        case .double(let value): value.isFinite ? .number(text: String(value)) : .string(String(value))
        case .boolean(let value): .boolean(value)
        }
    }

    fileprivate var text: String {
        switch self {
        case .string(let value):
            let clean = LogText.sanitized(value)
            let isPlain = !clean.isEmpty && !clean.utf8.contains { $0 == 0x20 || $0 == 0x22 || $0 == 0x3D }
            return isPlain ? clean : String(decoding: JSONText.quoted(clean), as: UTF8.self)
        case .integer(let value): return String(value)
        case .double(let value): return String(value)
        case .boolean(let value): return String(value)
        }
    }
}

/// Makes foreign text harmless in a log (`O01`).
package enum LogText {
    /// Longest value, in bytes of UTF-8.
    package static let limit = 1024

    /// `text` with everything escaped that could end the line, drive a terminal or turn the reading direction,
    /// and cut at 1 KiB.
    package static func sanitized(_ text: String) -> String { sanitized(text, limit: limit) }

    /// The same, cut at `limit` bytes.
    static func sanitized(_ text: String, limit: Int) -> String {
        if text.utf8.count <= limit, isPrintable(text.utf8.span) { return text }
        var clean = ""
        var size = 0
        for scalar in text.unicodeScalars {
            let piece = isHarmful(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            size += piece.utf8.count
            if size > limit {
                clean += "…"
                break
            }
            clean += piece
        }
        return clean
    }

    /// `text` for a terminal: lines stay lines and tabs stay tabs; everything else that could drive the terminal or turn the
    /// reading direction is escaped.
    package static func readable(_ text: String) -> String {
        if isPrintable(text.utf8.span) { return text }
        var clean = ""
        for scalar in text.unicodeScalars {
            let isKept = scalar == "\n" || scalar == "\t" || !isHarmful(scalar)
            clean += isKept ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        return clean
    }

    /// Appends `text`, made harmless and cut at `limit` bytes, as a JSON string.
    static func appendQuoted(_ text: String, limit: Int = limit, to line: inout [UInt8]) {
        guard text.utf8.count <= limit, JSONText.isPlainASCII(text.utf8.span) else {
            return JSONText.appendQuoted(sanitized(text, limit: limit), to: &line)
        }
        // Nothing is harmful, nothing to escape: the one look was enough for both.
        line.append(UInt8(ascii: "\""))
        line.append(contentsOf: text.utf8)
        line.append(UInt8(ascii: "\""))
    }

    private static func isPrintable(_ bytes: Span<UInt8>) -> Bool {
        for position in bytes.indices where bytes[position] < 0x20 || bytes[position] >= 0x7F { return false }
        return true
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x61C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
            0xFFF9...0xFFFB, 0xE0000...0xE007F:
            true
        default: false
        }
    }
}
