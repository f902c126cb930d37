import JSON
import Testing

/// Random texts: what is written can be read, what is read is not changed, what is damaged does no harm.
@Suite struct JSONPropertyTests {
    /// SplitMix64, so that a failure can be run again from the seed in its name.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static let space = ["", "", "", " ", "\n", "\t ", "\r\n"]
    static let numbers = ["0", "-0", "1", "-17", "1.0", "1e400", "0.1E-7", "9007199254740993", "123456789012345678901"]
    static let pieces = [
        "a", "id", "\\n", "\\\"", "\\\\", "\\u00e9", "é", "\u{1F600}", "\\ud83d\\ude00", "{", "]", ",", ":", " ", "\\/",
        "plain text of some length", "\u{7F}", "\u{2028}",
    ]

    static func string(_ generator: inout Generator) -> String {
        "\""
            + (0..<Int.random(in: 0..<5, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined() + "\""
    }

    static func text(_ generator: inout Generator, depth: Int = 0) -> String {
        func gap() -> String { space.randomElement(using: &generator) ?? "" }
        let count = Int.random(in: 0..<(depth < 3 ? 5 : 1), using: &generator)
        switch Int.random(in: 0..<(depth < 5 ? 7 : 5), using: &generator) {
        case 0: return "null"
        case 1: return Bool.random(using: &generator) ? "true" : "false"
        case 2: return numbers.randomElement(using: &generator) ?? "0"
        case 3, 4: return string(&generator)
        case 5:
            let elements = (0..<count).map { _ in gap() + text(&generator, depth: depth + 1) + gap() }
            return "[" + elements.joined(separator: ",") + gap() + "]"
        default:
            // Numbered, so that no key stands twice.
            let members = (0..<count).map { number in
                let key = string(&generator).dropLast() + "#\(number)\""
                return gap() + key + gap() + ":" + gap() + text(&generator, depth: depth + 1) + gap()
            }
            return "{" + members.joined(separator: ",") + gap() + "}"
        }
    }

    @Test(arguments: 0..<12) func whatIsReadIsNotChanged(seed: Int) throws {
        var generator = Generator(state: UInt64(seed))
        for _ in 0..<40 {
            let text = Array(Self.text(&generator).utf8)
            let document = try JSONDocument(parsing: text)
            #expect(document.bytes == text)
            #expect(JSONPatch(document).applied() == text)
            let value = JSONValue(document.root)
            let compact = try JSONDocument(parsing: JSONText.compacted(document))
            #expect(JSONValue(compact.root) == value)
            #expect(!JSONText.containsNewline(compact.bytes))
            #expect(JSONValue(try JSONDocument(parsing: value.serialized()).root) == value)
        }
    }

    @Test(arguments: 0..<12) func ranges(seed: Int) throws {
        var generator = Generator(state: UInt64(seed) &+ 1000)
        for _ in 0..<40 {
            let document = try JSONDocument(parsing: Array(Self.text(&generator).utf8))
            try Self.check(document.root)
        }
    }

    /// Every value's own text is JSON and means the same on its own.
    static func check(_ node: JSONNode) throws {
        #expect(JSONValue(try JSONDocument(parsing: Array(node.bytes)).root) == JSONValue(node))
        #expect(Array(node.elements).count + Array(node.members).count == node.count)
        for element in node.elements { try check(element) }
        for (key, value) in node.members {
            #expect(key.kind == .string)
            #expect(node[key.string ?? ""]?.range == value.range)
            try check(value)
        }
    }

    @Test(arguments: 0..<12) func damageIsRefusedOrHarmless(seed: Int) throws {
        var generator = Generator(state: UInt64(seed) &+ 2000)
        for _ in 0..<100 {
            var text = Array(Self.text(&generator).utf8)
            for _ in 0..<Int.random(in: 1..<4, using: &generator) where !text.isEmpty {
                let position = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: text[position] = UInt8.random(in: 0...255, using: &generator)
                case 1: text.remove(at: position)
                default: text.insert(contentsOf: text[position...].prefix(3), at: position)
                }
            }
            // What passes is whole: it can be read to the last leaf, and means something after being written.
            guard let document = try? JSONDocument(parsing: text) else { continue }
            try Self.check(document.root)
            #expect(String(validating: text, as: UTF8.self) != nil)
        }
    }

    @Test func everyPositionOfEveryStopIsFound() throws {
        // The scanner looks at eight bytes at a time: each stop must be seen at each place of a word.
        for length in 0..<40 {
            for position in 0..<length {
                var content = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                for stop in [0x00, 0x1F, 0x80, 0xFF, 0x22] as [UInt8] {
                    content[position] = stop
                    #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: [0x22] + content + [0x22]) }
                }
                for harmless in [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F] as [UInt8] {
                    content[position] = harmless
                    let document = try JSONDocument(parsing: [0x22] + content + [0x22])
                    #expect(document.root.stringBytes == content)
                }
                content.replaceSubrange(position...position, with: #"\n"#.utf8)
                #expect(try JSONDocument(parsing: [0x22] + content + [0x22]).root.stringBytes?.count == length)
            }
        }
    }
}
