/// One mapping of the configuration while it is read: hands out values by key and refuses the keys nobody asked for.
struct ConfigurationSection {
    /// Where this mapping stands.
    let path: ConfigurationPath
    /// The line of the mapping.
    let line: Int
    private let entries: [ConfigurationNode.Entry]
    private let context: ConfigurationContext
    private var known: [String] = []

    /// Nil, with a problem recorded, when `node` is not a mapping.
    init?(_ node: ConfigurationNode, path: ConfigurationPath, context: ConfigurationContext) {
        self.path = path
        self.line = node.line
        self.context = context
        switch node.content {
        case .mapping(let entries): self.entries = entries
        case .null: self.entries = []
        default:
            context.refuse(
                path, line: node.line, "expected a mapping of keys, found \(node.kindName)")
            return nil
        }
    }

    /// The value of `key`, or nil when it is not set; the key is known from now on.
    mutating func value(_ key: String) -> ConfigurationValue? {
        known.append(key)
        guard let entry = entries.first(where: { $0.key == key }) else { return nil }
        let value = ConfigurationValue(node: entry.value, line: entry.line, path: path.key(key), context: context)
        return value.isNull ? nil : value
    }

    /// Every entry, for mappings whose keys are names.
    func named() -> [(name: String, value: ConfigurationValue)] {
        entries.map { entry in
            (
                entry.key,
                ConfigurationValue(node: entry.value, line: entry.line, path: path.key(entry.key), context: context)
            )
        }
    }

    /// The mapping below `key`, or nil when it is not set.
    mutating func section(_ key: String) -> ConfigurationSection? {
        known.append(key)
        guard let entry = entries.first(where: { $0.key == key }) else { return nil }
        return ConfigurationSection(entry.value, path: path.key(key), context: context)
    }

    /// Refuses every key that was not asked for.
    func finish(hints: [String: String] = [:]) {
        for entry in entries where !known.contains(entry.key) {
            context.refuse(
                path.key(entry.key), line: entry.line, "unknown key", hint: hints[entry.key] ?? hint(entry.key))
        }
    }

    private func hint(_ key: String) -> String {
        if let near = Suggestion.nearest(to: key, among: known) { return "did you mean \"\(near)\"?" }
        return "known keys here: \(known.sorted().joined(separator: ", "))"
    }
}

/// One value of the configuration while it is read: every accessor either returns something valid or records a problem.
struct ConfigurationValue {
    /// The value as it stands in the file.
    let node: ConfigurationNode
    /// The line of its key.
    let line: Int
    /// Where it stands.
    let path: ConfigurationPath
    private let context: ConfigurationContext

    init(node: ConfigurationNode, line: Int, path: ConfigurationPath, context: ConfigurationContext) {
        self.node = node
        self.line = line
        self.path = path
        self.context = context
    }

    /// Whether the key is there without a value.
    var isNull: Bool { if case .null = node.content { true } else { false } }

    /// The text with variables expanded.
    func string() -> String? {
        guard case .scalar(let text) = node.content else {
            refuse("expected text, found \(node.kindName)", hint: isNull ? "quote it when it is meant as text" : nil)
            return nil
        }
        do throws(InterpolationError) {
            let expanded = try Interpolation.expand(
                text, environment: context.environment,
                missing: context.purpose.leavesOpen(path) ? { leaveOpen($0) } : nil)
            guard !expanded.utf8.contains(0) else {
                refuse("the value contains a NUL byte")
                return nil
            }
            return expanded
        } catch {
            refuse(error)
            return nil
        }
    }

    /// The text, which must not be empty.
    func nonEmptyString() -> String? {
        guard let text = string() else { return nil }
        guard !text.isEmpty else {
            refuse("must not be empty")
            return nil
        }
        return text
    }

    /// `true` or `false`.
    func boolean() -> Bool? {
        guard let text = string() else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            refuse("expected true or false, found \"\(text)\"")
            return nil
        }
    }

    /// A whole number within `range`.
    func integer(in range: ClosedRange<Int>) -> Int? {
        guard let text = string() else { return nil }
        guard let number = Units.integer(text).flatMap(Int.init(exactly:)), range.contains(number) else {
            refuse("expected a whole number from \(range.lowerBound) to \(range.upperBound), found \"\(text)\"")
            return nil
        }
        return number
    }

    /// A number like 1 or 0.25 within `range`.
    func decimal(in range: ClosedRange<Double>) -> Double? {
        guard let text = string() else { return nil }
        guard let number = Units.decimal(text), range.contains(number) else {
            refuse("expected a number from \(range.lowerBound) to \(range.upperBound), found \"\(text)\"")
            return nil
        }
        return number
    }

    /// A duration within `range`.
    func duration(in range: ClosedRange<Duration>) -> Duration? {
        guard let text = string() else { return nil }
        guard let duration = Units.duration(text) else {
            let hint = Units.integer(text) == nil ? "write it like 30s, 15m, 12h or 30d" : "add the unit, like \(text)s"
            refuse("expected a duration, found \"\(text)\"", hint: hint)
            return nil
        }
        guard range.contains(duration) else {
            refuse("\(text) is out of bounds: from \(Units.text(range.lowerBound)) to \(Units.text(range.upperBound))")
            return nil
        }
        return duration
    }

    /// A size of at least `minimum` bytes.
    func size(minimum: Int) -> Int? {
        guard let text = string() else { return nil }
        guard let size = Units.size(text) else {
            let hint = Units.integer(text) == nil ? "write it like 512MiB or 64KiB" : "add the unit, like \(text)MiB"
            refuse("expected a size, found \"\(text)\"", hint: hint)
            return nil
        }
        guard size >= minimum else {
            refuse("\(text) is too small; the least is \(minimum) bytes")
            return nil
        }
        return size
    }

    /// One of the words of an enumeration.
    func word<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> Word? where Word.RawValue == String {
        word(among: Word.allCases.map(\.rawValue)).flatMap(Word.init(rawValue:))
    }

    /// One of a closed list of words.
    func word(among words: [String]) -> String? {
        guard let text = string() else { return nil }
        if words.contains(text) { return text }
        let near = Suggestion.nearest(to: text, among: words).map { "did you mean \"\($0)\"?" }
        refuse("expected one of \(words.joined(separator: ", ")), found \"\(text)\"", hint: near)
        return nil
    }

    /// The entries of a list.
    func list() -> [ConfigurationValue]? {
        guard case .sequence(let elements) = node.content else {
            refuse("expected a list, found \(node.kindName)", hint: "write [a, b], or one `- item` a line")
            return nil
        }
        return elements.enumerated().map { index, element in
            ConfigurationValue(node: element, line: element.line, path: path.index(index), context: context)
        }
    }

    /// A list of texts.
    func strings() -> [String]? {
        guard let list = list() else { return nil }
        let strings = list.compactMap { $0.string() }
        return strings.count == list.count ? strings : nil
    }

    /// The value as a mapping.
    func section() -> ConfigurationSection? {
        ConfigurationSection(node, path: path, context: context)
    }

    /// Records that this value cannot be used.
    func refuse(_ message: String, hint: String? = nil) {
        context.refuse(path, line: line, message, hint: hint)
    }

    /// Records something worth knowing about this value.
    func note(_ message: String, hint: String? = nil) {
        context.note(path, line: line, message, hint: hint)
    }

    /// Whether a variable in this value is not set and need not be; known once the text was asked for.
    var isOpen: Bool { context.isOpen(path) }

    private func leaveOpen(_ variable: String) -> String {
        if !isOpen {
            context.leaveOpen(path)
            note("the environment variable \(variable) is not set", hint: "the gateway needs it")
        }
        return ConfigurationPurpose.placeholder()
    }

    private func refuse(_ error: InterpolationError) {
        switch error {
        case .unset(let name):
            refuse("the environment variable \(name) is not set", hint: context.purpose.hint(for: name))
        case .malformed(let text):
            refuse(
                "\"\(text)\" is not a reference to a variable",
                hint: "write ${NAME} or ${NAME:-default}; $$ stands for one $")
        }
    }
}
