/// One fact about a user that an allow-list can name, spelled so that equal facts are equal bytes.
package struct AccessKey: Sendable, Hashable {
    /// What the fact is about.
    package enum Kind: String, Sendable, CaseIterable {
        case user, organization, team, domain, group
    }

    /// `KIND:VALUE` in UTF-8. Bytes, because `String ==` folds what is not equal.
    package let bytes: [UInt8]

    /// A fact whose value is compared as it is.
    package init(_ kind: Kind, _ value: String) {
        bytes = Array("\(kind.rawValue):\(value)".utf8)
    }

    /// A fact whose value has no case, like a login at GitHub or a domain.
    package init(_ kind: Kind, ignoringCase value: String) {
        self.init(kind, ASCIICase.lowered(value))
    }

    /// A fact as it was stored.
    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether it is a fact of this kind.
    func isOf(_ kind: Kind) -> Bool { bytes.starts(with: Array("\(kind.rawValue):".utf8)) }

    /// The text again.
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Who may come in by one provider. Empty admits nobody.
package struct AllowList: Sendable, Hashable {
    /// `users: ["*"]`.
    package var admitsEverybody: Bool
    /// Each of these facts is enough.
    package var keys: Set<AccessKey>

    /// Creates a list.
    package init(admitsEverybody: Bool = false, keys: Set<AccessKey> = []) {
        self.admitsEverybody = admitsEverybody
        self.keys = keys
    }

    /// Whether somebody of whom these facts are true may come in.
    package func admits(_ facts: [AccessKey]) -> Bool {
        admitsEverybody || facts.contains { keys.contains($0) }
    }

    /// Whether it admits nobody at all.
    package var isEmpty: Bool { !admitsEverybody && keys.isEmpty }

    /// Whether it asks for facts of this kind, so that the provider has to be asked for them.
    package func names(_ kind: AccessKey.Kind) -> Bool {
        keys.contains { $0.isOf(kind) }
    }
}
