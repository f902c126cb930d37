import JSON

/// What the audit trail says of the arguments of a call, where the operator wants that (`audit.arguments`).
package struct ArgumentRecord: Sendable {
    /// Longer ones are cut: the trail is for what was done, not for documents.
    static let maximumBytes = 4096
    /// What holds one of these in its name is a secret, however it is written.
    private static let secrets = [
        "password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "apikey", "privatekey",
        "cookie", "session",
    ].map { Array($0.utf8) }

    /// What holds one of these in its name is kept out; as ``folded(_:)`` makes them.
    private let names: [[UInt8]]

    /// `names` are kept out besides what is always.
    package init(redacting names: [String] = []) {
        self.names = Self.secrets + names.map(Self.folded).filter { !$0.isEmpty }
    }

    /// The arguments as JSON, secrets replaced; nil where there are none.
    func text(of arguments: JSONNode?) -> String? {
        guard let arguments else { return nil }
        let text = redacted(JSONValue(arguments)).serialized()
        guard text.count > Self.maximumBytes else { return String(decoding: text, as: UTF8.self) }
        var end = Self.maximumBytes
        // Not in the middle of a character.
        while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: text[..<end], as: UTF8.self) + "… (\(text.count) bytes)"
    }

    private func redacted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.map { member in
                    .init(member.key, isSecret(member.key) ? "[redacted]" : redacted(member.value))
                })
        case .array(let elements): .array(elements.map(redacted))
        default: value
        }
    }

    private func isSecret(_ key: String) -> Bool {
        let key = Self.folded(key)
        return names.contains { Self.contains($0, in: key) }
    }

    /// Letters and digits in lower case: `API-Key`, `api_key` and `apiKey` are one.
    private static func folded(_ name: String) -> [UInt8] {
        var folded: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): folded.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): folded.append(byte | 0x20)
            case 0x80...: return Array(name.lowercased().filter { $0.isLetter || $0.isNumber }.utf8)
            default: break
            }
        }
        return folded
    }

    // The standard library looks for a text in a text by characters, which costs a microsecond for each name.
    private static func contains(_ name: [UInt8], in key: [UInt8]) -> Bool {
        guard name.count <= key.count else { return false }
        return (0...(key.count - name.count)).contains { key[$0..<($0 + name.count)].elementsEqual(name) }
    }
}
