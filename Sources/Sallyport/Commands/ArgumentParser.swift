/// What a command accepts after its name.
struct CommandSyntax: Sendable {
    /// Options with a value, like `--listen ADDR`.
    var options: [String] = []
    /// Options without one, like `--json`.
    var flags: [String] = []
    /// The names of the other words, for messages.
    var words: [String] = []
    /// Whether further words may follow, or be left out.
    var wordsAreOptional = false
    /// Whether a command of the user follows `--`.
    var takesCommand = false
}

/// The words after the name of a command, sorted.
struct ParsedArguments: Equatable {
    private(set) var options: [String: String] = [:]
    private(set) var flags: Set<String> = []
    private(set) var words: [String] = []
    /// What follows `--`.
    private(set) var command: [String] = []

    /// The value of an option.
    subscript(option: String) -> String? { options[option] }

    /// Whether a flag is there.
    func has(_ flag: String) -> Bool { flags.contains(flag) }

    /// Sorts `arguments`; every mistake is told with what would be right.
    init(_ arguments: [String], syntax: CommandSyntax) throws(CommandFailure) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                guard syntax.takesCommand else { throw Self.misuse("unexpected \"--\"") }
                command = Array(rest)
                break
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            try takeOption(argument, &rest, syntax)
        }
        try checkWords(syntax)
    }

    private mutating func takeOption(
        _ argument: String, _ rest: inout ArraySlice<String>, _ syntax: CommandSyntax
    ) throws(CommandFailure) {
        let name = String(argument.prefix { $0 != "=" })
        let attached = argument.count > name.count ? String(argument.dropFirst(name.count + 1)) : nil
        if syntax.flags.contains(name) {
            guard attached == nil else { throw Self.misuse("\(name) takes no value") }
            flags.insert(name)
        } else if syntax.options.contains(name) {
            // The name of another option is a value forgotten; who means it writes --name=--value.
            let isForgotten = attached == nil && rest.first?.hasPrefix("--") != false
            guard !isForgotten, let value = attached ?? rest.popFirst() else {
                throw Self.misuse("\(name) needs a value")
            }
            guard options.updateValue(value, forKey: name) == nil else { throw Self.misuse("\(name) is given twice") }
        } else {
            let near = Suggestion.nearest(to: name, among: syntax.options + syntax.flags)
            throw Self.misuse("unknown option \(name)", hint: near.map { "did you mean \($0)?" })
        }
    }

    private func checkWords(_ syntax: CommandSyntax) throws(CommandFailure) {
        if words.count > syntax.words.count {
            let hint = syntax.takesCommand ? "put the command after --" : nil
            throw Self.misuse("unexpected \"\(words[syntax.words.count])\"", hint: hint)
        }
        if words.count < syntax.words.count, !syntax.wordsAreOptional {
            throw Self.misuse("\(syntax.words[words.count]) is missing")
        }
    }

    private static func misuse(_ message: String, hint: String? = nil) -> CommandFailure {
        CommandFailure(code: .usage, message: message, hint: hint ?? "sallyport COMMAND --help explains")
    }
}
