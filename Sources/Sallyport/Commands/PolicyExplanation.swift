import AuthorizationServer
import Gateway
import OAuth
import Telemetry

/// `sallyport policy explain`: whether somebody may use something, and by which rule.
enum PolicyExplanation {
    static let syntax = CommandSyntax(
        options: [
            "--config", "--data-dir", "--user", "--groups", "--client", "--scope", "--tool", "--prompt", "--resource",
            "--server",
        ], flags: ["--json"])

    /// Prints yes or no. With `--groups` alone no store is needed.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try Configuration.forCommand(arguments, environment: environment)
        let oracle = PolicyOracle(configuration)
        let question = try question(arguments, oracle)
        guard let name = arguments["--user"] else {
            guard arguments["--groups"] != nil else {
                throw CommandFailure(code: .usage, message: "--user is missing", hint: "or --groups A,B")
            }
            return say(oracle, question, arguments, PolicyClaims(arguments))
        }
        return try AdministeredStore.answer(arguments, environment: environment, label: "policy") { opened in
            let users = UserAdministration(store: opened.store, clock: .system, audit: opened.audit)
            let user = try await users.show(name)
            var claims = PolicyClaims(arguments)
            claims.user = user
            claims.others = try await users.claims(of: user)
            return say(oracle, question, arguments, claims)
        }
    }

    private static func question(
        _ arguments: ParsedArguments, _ oracle: PolicyOracle
    ) throws(CommandFailure) -> PolicyQuestion {
        let asked = AccessKind.allCases.compactMap { kind in arguments["--\(kind.rawValue)"].map { (kind, $0) } }
        guard asked.count == 1, let (kind, name) = asked.first else {
            throw CommandFailure(code: .usage, message: "name one --tool, --prompt or --resource")
        }
        guard let question = oracle.question(kind, name, server: arguments["--server"]) else {
            let servers = oracle.configuration.servers.map(\.name).joined(separator: ", ")
            throw CommandFailure(
                code: .dataError, message: "of which server?",
                hint: "--server NAME, or SERVER:NAME; servers: \(servers)")
        }
        return question
    }

    private static func say(
        _ oracle: PolicyOracle, _ question: PolicyQuestion, _ arguments: ParsedArguments, _ claims: PolicyClaims
    ) -> ExitCode {
        let answer = oracle.answer(question) { claims.values(of: $0) }
        if arguments.has("--json") {
            Console.say(answer.json(user: claims.user?.name))
        } else {
            let who = claims.user?.name ?? "whoever is in \(claims.groups.joined(separator: ", "))"
            let what = "the \(question.kind.rawValue) \"\(question.name)\" of \"\(question.server)\""
            Console.say(
                LogText.sanitized(
                    "\(answer.isAllowed ? "yes" : "no"): \(who) may \(answer.isAllowed ? "" : "not ")use \(what)")
                    + "\n    " + LogText.sanitized(answer.because))
        }
        return answer.isAllowed ? .success : .noPermission
    }
}

/// The claims that a token of somebody would have.
struct PolicyClaims {
    var user: UserRecord?
    /// What an identity provider said, by the name of the claim.
    var others: [String: [String]] = [:]
    private let given: [String]?
    private let client: String?
    private let scope: [String]

    init(_ arguments: ParsedArguments) {
        given = arguments["--groups"].map { $0.split(separator: ",").map(String.init) }
        client = arguments["--client"]
        scope = (arguments["--scope"] ?? "mcp").split(separator: " ").map(String.init)
    }

    /// `--groups` wins over those of the account: what if?
    var groups: [String] { given ?? user?.groups ?? [] }

    func values(of claim: String) -> [String] {
        Principal(
            user: user?.id ?? UserID(""), userName: "", email: user?.email, groups: groups, claims: others,
            client: ClientID(client ?? ""), scope: Scope(tokens: scope),
            expires: Timestamp(millisecondsSinceEpoch: .max)
        ).values(of: claim)
    }
}
