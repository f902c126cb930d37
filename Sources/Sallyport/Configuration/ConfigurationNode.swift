/// A value of a configuration file together with the line it stands on.
///
/// YAML and JSON both arrive here, so everything after this type has one kind of input. Scalars stay text until a key
/// says what it wants: `on`, `0o17` and `1e3` have no meaning of their own.
struct ConfigurationNode: Sendable {
    /// What stands at this position.
    indirect enum Content: Sendable {
        /// Nothing: `null`, `~` or an empty value.
        case null
        /// Any scalar, quoted or not, as text.
        case scalar(String)
        /// A list.
        case sequence([ConfigurationNode])
        /// A mapping in the order of the file; keys are unique.
        case mapping([Entry])
    }

    /// One key of a mapping.
    struct Entry: Sendable {
        /// The key as written.
        let key: String
        /// The line of the key, from 1.
        let line: Int
        /// What the key is set to.
        let value: ConfigurationNode
    }

    /// The value itself.
    let content: Content
    /// The line in the file, from 1.
    let line: Int

    /// The value of `key`, when this is a mapping that has it.
    subscript(key: String) -> ConfigurationNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// What this is called in a message.
    var kindName: String {
        switch content {
        case .null: "nothing"
        case .scalar: "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// How much of a configuration file is read before it is refused.
struct ConfigurationLimits: Sendable {
    /// The whole file.
    var maximumBytes = 1 << 20
    /// Nested mappings and lists.
    var maximumDepth = 32
    /// Values in the file.
    var maximumNodes = 50_000
    /// A file that a `file:` reference names.
    var maximumSecretBytes = 64 << 10

    /// The limits in use.
    static let standard = ConfigurationLimits()
}

/// Why a file could not be read at all.
struct ConfigurationSyntaxError: Error, Equatable {
    /// The line, from 1.
    let line: Int
    /// What is wrong, in words.
    let message: String
    /// What to do about it.
    var hint: String?
}
