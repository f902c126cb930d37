import JSON

/// Reads a JSON file into positioned nodes.
enum JSONConfigurationReader {
    /// The document in `bytes`.
    static func read(
        _ bytes: [UInt8], limits: ConfigurationLimits = .standard
    ) throws(ConfigurationSyntaxError) -> ConfigurationNode {
        var jsonLimits = JSONLimits.standard
        jsonLimits.maximumBytes = limits.maximumBytes
        jsonLimits.maximumDepth = limits.maximumDepth
        let lines = LineTable(bytes)
        do throws(JSONSyntaxError) {
            let document = try JSONDocument(parsing: bytes, limits: jsonLimits)
            return node(document.root, lines)
        } catch {
            throw ConfigurationSyntaxError(
                line: lines.line(at: error.offset),
                message: error.code == .syntax ? "\(error)" : "not valid JSON: \(error)",
                hint: hint(at: error.offset, in: bytes))
        }
    }

    private static func node(_ json: JSONNode, _ lines: LineTable) -> ConfigurationNode {
        let line = lines.line(at: json.range.lowerBound)
        return switch json.kind {
        case .null:
            ConfigurationNode(content: .null, line: line)
        case .string:
            ConfigurationNode(content: .scalar(json.string ?? ""), line: line)
        case .number, .boolean:
            ConfigurationNode(content: .scalar(String(decoding: json.bytes, as: UTF8.self)), line: line)
        case .array:
            ConfigurationNode(content: .sequence(json.elements.map { node($0, lines) }), line: line)
        case .object:
            ConfigurationNode(
                content: .mapping(
                    json.members.map { member in
                        .init(
                            key: member.key.string ?? "", line: lines.line(at: member.key.range.lowerBound),
                            value: node(member.value, lines))
                    }), line: line)
        }
    }

    /// Most broken JSON files have a comment or a comma before a closing bracket.
    private static func hint(at offset: Int, in bytes: [UInt8]) -> String? {
        guard bytes.indices.contains(offset) else { return "a bracket or quote is not closed" }
        switch bytes[offset] {
        case UInt8(ascii: "/"), UInt8(ascii: "#"): return "JSON has no comments; remove them or use YAML"
        case UInt8(ascii: "}"), UInt8(ascii: "]"): return "remove the comma before the closing bracket"
        case UInt8(ascii: "'"): return "JSON strings use double quotes"
        default: return nil
        }
    }
}

/// Finds the line of a byte offset.
private struct LineTable {
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        starts = [0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
    }

    func line(at offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
