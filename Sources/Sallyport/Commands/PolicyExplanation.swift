import AuthorizationServer
import Gateway
import OAuth
import Telemetry

/// `sallyport policy explain`: whether somebody may use something, and by which rule.
enum PolicyExplanation {
    static let syntax = CommandSyntax(
        options: [
            "--config", "--data-dir", "--user", "--groups", "--client", "--scope", "--tool", "--prompt", "--resource",
            "--server", "--protected-resource",
        ], flags: ["--json"])

    /// Prints yes or no. With `--groups` alone no store is needed.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let oracle = PolicyOracle(configuration)
        let subject = try subject(arguments, oracle)
        guard let name = arguments["--user"] else {
            guard arguments["--groups"] != nil else {
                throw CommandFailure(code: .usage, message: "--user is missing", hint: "or --groups A,B")
            }
            return say(oracle, subject, arguments, PolicyClaims(arguments))
        }
        return try AdministeredStore.answer(arguments, environment: environment, label: "policy") { opened in
            let users = UserAdministration(store: opened.store, clock: .system, audit: opened.audit)
            let user = try await users.show(name)
            var claims = PolicyClaims(arguments)
            claims.user = user
            claims.others = try await users.claims(of: user)
            return say(oracle, subject, arguments, claims)
        }
    }

    private static func subject(
        _ arguments: ParsedArguments, _ oracle: PolicyOracle
    ) throws(CommandFailure) -> PolicySubject {
        let asked = AccessKind.allCases.compactMap { kind in arguments["--\(kind.rawValue)"].map { (kind, $0) } }
        if asked.isEmpty, let name = arguments["--protected-resource"] { return try whole(name, arguments, oracle) }
        guard asked.count == 1, let (kind, name) = asked.first, arguments["--protected-resource"] == nil else {
            throw CommandFailure(
                code: .usage, message: "name one --tool, --prompt, --resource or --protected-resource")
        }
        guard let question = oracle.question(kind, name, server: arguments["--server"]) else {
            throw CommandFailure(
                code: .dataError, message: "of which server?",
                hint: oracle.hint(to: arguments["--server"] ?? name) ?? "--server NAME, or SERVER:NAME; servers: "
                    + oracle.configuration.servers.map(\.name).joined(separator: ", "))
        }
        return .one(question)
    }

    private static func whole(
        _ name: String, _ arguments: ParsedArguments, _ oracle: PolicyOracle
    ) throws(CommandFailure) -> PolicySubject {
        guard arguments["--server"] == nil else {
            throw CommandFailure(code: .usage, message: "--server does not go with --protected-resource")
        }
        if let resource = oracle.protectedResource(name) { return .all(resource) }
        let names = oracle.configuration.protectedResources.map(\.name)
        throw CommandFailure(
            code: .dataError, message: "there is no protected resource \"\(name)\"",
            hint: names.isEmpty
                ? "protected_resources is empty" : "its name or its url; \(names.joined(separator: ", "))")
    }

    private static func say(
        _ oracle: PolicyOracle, _ subject: PolicySubject, _ arguments: ParsedArguments, _ claims: PolicyClaims
    ) -> ExitCode {
        let answer: PolicyAnswer
        let what: String
        switch subject {
        case .one(let question):
            answer = oracle.answer(question) { claims.values(of: $0) }
            what = "the \(question.kind.rawValue) \"\(question.name)\" of \"\(question.server)\""
        case .all(let resource):
            answer = oracle.answer(resource) { claims.values(of: $0, scopes: resource.scopes) }
            what = "the protected resource \"\(resource.name)\""
        }
        if arguments.has("--json") {
            Console.say(answer.json(user: claims.user?.name))
        } else {
            let who = claims.user?.name ?? "whoever is in \(claims.groups.joined(separator: ", "))"
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
    private let scope: [String]?

    init(_ arguments: ParsedArguments) {
        given = arguments["--groups"].map { $0.split(separator: ",").map(String.init) }
        client = arguments["--client"]
        scope = arguments["--scope"].map { $0.split(separator: " ").map(String.init) }
    }

    /// `--groups` wins over those of the account: what if?
    var groups: [String] { given ?? user?.groups ?? [] }

    /// What the claim says in a token with these scopes, where `--scope` does not say which.
    func values(of claim: String, scopes: [String] = ["mcp"]) -> [String] {
        Principal(
            user: user?.id ?? UserID(""), userName: "", email: user?.email, groups: groups, claims: others,
            client: ClientID(client ?? ""), scope: Scope(tokens: scope ?? scopes),
            expires: Timestamp(millisecondsSinceEpoch: .max)
        ).values(of: claim)
    }
}
