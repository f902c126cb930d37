/// What a command ends: one thing by its ID, or all that belong to somebody. Ending everything has to be said.
enum EndTarget: Sendable {
    case one(String)
    case matching(user: String?, client: String?)

    /// Reads `ID`, `--user`, `--client` and `--all`.
    init(_ arguments: ParsedArguments, noun: String) throws(CommandFailure) {
        let (user, client) = (arguments["--user"], arguments["--client"])
        let isFiltered = user != nil || client != nil
        switch (arguments.words.dropFirst().first, isFiltered, arguments.has("--all")) {
        case (let id?, false, false): self = .one(id)
        case (nil, true, false), (nil, false, true): self = .matching(user: user, client: client)
        case (nil, false, false):
            throw CommandFailure(
                code: .usage, message: "it is not said which \(noun)",
                hint: "name its ID (sallyport \(noun) list), --user NAME, or --all")
        default:
            throw CommandFailure(
                code: .usage, message: "an ID, --user and --all exclude each other", hint: "sallyport \(noun) --help")
        }
    }
}

extension ParsedArguments {
    /// The failure for a subcommand that is missing or not known.
    func misuse(of command: String, known: [String]) -> CommandFailure {
        guard let word = words.first else {
            return CommandFailure(
                code: .usage, message: "\(command) needs a subcommand", hint: "sallyport \(command) --help")
        }
        let near = Suggestion.nearest(to: word, among: known).map { "did you mean \"\($0)\"?" }
        return CommandFailure(
            code: .usage, message: "unknown subcommand \"\(word)\"", hint: near ?? "sallyport \(command) --help")
    }
}
