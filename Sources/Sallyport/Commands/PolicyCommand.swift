/// `sallyport policy`: what clients may see and do.
enum PolicyCommand {
    private static let subcommands = ["explain", "pins", "test"]

    /// Does what the words say; each subcommand has a syntax of its own.
    static func run(_ rest: [String], environment: [String: String]) throws(CommandFailure) -> ExitCode {
        guard let word = rest.first else {
            throw CommandFailure(code: .usage, message: "policy needs a subcommand", hint: "sallyport policy --help")
        }
        let arguments = Array(rest.dropFirst())
        switch word {
        case "explain":
            return try PolicyExplanation.run(
                try ParsedArguments(arguments, syntax: PolicyExplanation.syntax), environment: environment)
        case "test":
            return try PolicyTest.run(
                try ParsedArguments(arguments, syntax: PolicyTest.syntax), environment: environment)
        case "pins":
            return try PinCommand.run(
                try ParsedArguments(arguments, syntax: PinCommand.syntax), environment: environment)
        default:
            let near = Suggestion.nearest(to: word, among: subcommands).map { "did you mean \"\($0)\"?" }
            throw CommandFailure(
                code: .usage, message: "unknown subcommand \"\(word)\"", hint: near ?? "sallyport policy --help")
        }
    }
}
