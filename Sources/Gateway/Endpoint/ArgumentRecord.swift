import JSON

/// What the audit trail says of the arguments of a call, where the operator wants that (`audit.arguments`).
package struct ArgumentRecord: Sendable {
    /// Longer ones are cut: the trail is for what was done, not for documents.
    static let maximumBytes = 4096
    /// What holds one of these in its name is a secret, however it is written.
    private static let secrets = [
        "password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "apikey", "privatekey",
        "cookie", "session",
    ]

    /// Further names that an operator keeps out, as ``folded(_:)`` makes them.
    private let names: [String]

    /// `names` are kept out besides what is always.
    package init(redacting names: [String] = []) {
        self.names = names.map(Self.folded).filter { !$0.isEmpty }
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
        return Self.secrets.contains { key.contains($0) } || names.contains { key.contains($0) }
    }

    /// Letters and digits in lower case: `API-Key`, `api_key` and `apiKey` are one.
    private static func folded(_ name: String) -> String {
        name.lowercased().filter { $0.isLetter || $0.isNumber }
    }
}
