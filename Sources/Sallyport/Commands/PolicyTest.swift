import AsyncIO
import Gateway

/// `sallyport policy test`: cases that the access policy has to decide as they say; for rules under version control.
enum PolicyTest {
    static let syntax = CommandSyntax(options: ["--config", "--data-dir"], flags: ["--json"], words: ["FILE"])

    /// Prints what failed and how many cases there were. No store is needed: a case says itself who asks.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let file = arguments.words[0]
        let cases = try read(file)
        let oracle = PolicyOracle(configuration)
        var failures: [String] = []
        for entry in cases {
            if let failure = entry.failure(oracle) {
                failures.append("\(file):\(entry.line): \(entry.name): \(failure)")
            }
        }
        for failure in failures { Console.complain(failure) }
        Console.say("\(cases.count - failures.count) passed, \(failures.count) failed")
        return failures.isEmpty ? .success : .dataError
    }

    private static func read(_ file: String) throws(CommandFailure) -> [PolicyCase] {
        let context = ConfigurationContext(file: file, environment: [:])
        do {
            let bytes = try FileSystem.readFile(file, maximum: ConfigurationLimits.standard.maximumBytes)
            let cases = PolicyCase.list(in: try YAMLReader.read(bytes), context)
            guard !context.hasErrors else {
                throw CommandFailure(
                    code: .dataError, message: "\(file) is no list of cases", details: context.problems.map(\.text))
            }
            return cases
        } catch let failure as CommandFailure {
            throw failure
        } catch let failure as FileSystem.Failure {
            throw CommandFailure(code: .noInput, message: "\(file) cannot be read: \(failure.reason)")
        } catch let error as ConfigurationSyntaxError {
            throw CommandFailure(code: .dataError, message: "\(file):\(error.line): \(error.message)", hint: error.hint)
        } catch {
            throw CommandFailure(code: .software, message: "\(error)")
        }
    }
}

/// One case: who asks for what, and what must come of it.
struct PolicyCase {
    let name: String
    let line: Int
    private var claims: [String: [String]] = [:]
    /// What kind of thing is asked for; nil for a protected resource as a whole.
    private var kind: AccessKind?
    private var asked = ""
    private var isAllowed = false
    /// The rule that must decide; nil where any may.
    private var rule: String?

    private init(name: String, line: Int) {
        self.name = name
        self.line = line
    }

    /// The cases of a file; problems go to the context.
    static func list(in root: ConfigurationNode, _ context: ConfigurationContext) -> [PolicyCase] {
        guard var section = ConfigurationSection(root, path: .root, context: context) else { return [] }
        let list = section.value("cases")
        if list == nil { context.refuse(.root, line: nil, "there are no cases", hint: "begin with \"cases:\"") }
        section.finish()
        return (list?.list() ?? []).enumerated().compactMap { one($0.element, number: $0.offset + 1, context) }
    }

    private static func one(
        _ value: ConfigurationValue, number: Int, _ context: ConfigurationContext
    ) -> PolicyCase? {
        guard var section = value.section() else { return nil }
        var entry = PolicyCase(name: section.value("name")?.string() ?? "case \(number)", line: value.line)
        if let claims = section.section("claims") {
            for (claim, value) in claims.named() { entry.claims[claim] = texts(value) }
        }
        if let groups = section.value("groups") { entry.claims["groups"] = texts(groups) }
        var things: [(AccessKind?, ConfigurationValue)] = AccessKind.allCases.compactMap { kind in
            section.value(kind.rawValue).map { (kind, $0) }
        }
        if let whole = section.value("protected_resource") { things.append((nil, whole)) }
        if things.count == 1, let text = things[0].1.nonEmptyString() {
            entry.kind = things[0].0
            entry.asked = text
        } else {
            context.refuse(
                value.path, line: value.line, "names not exactly one tool, prompt, resource or protected_resource")
        }
        if let allow = section.value("allow") {
            entry.isAllowed = allow.boolean() ?? false
        } else {
            context.refuse(
                value.path, line: value.line, "does not say what must come of it", hint: "allow: true, or false")
        }
        entry.rule = section.value("rule")?.string()
        section.finish()
        return entry
    }

    private static func texts(_ value: ConfigurationValue) -> [String] {
        if case .scalar = value.node.content { return value.string().map { [$0] } ?? [] }
        return value.strings() ?? []
    }

    /// What is wrong; nil where it is as it must be.
    func failure(_ oracle: PolicyOracle) -> String? {
        let answer: PolicyAnswer
        if let kind {
            guard let question = oracle.question(kind, asked, server: nil) else {
                return oracle.hint(to: asked).map { "\"\(asked)\" names no server of the configuration: \($0)" }
                    ?? "\"\(asked)\" names no server of the configuration; write SERVER:NAME"
            }
            answer = oracle.answer(question) { claims[$0] ?? [] }
        } else {
            guard let resource = oracle.protectedResource(asked) else {
                return "\"\(asked)\" is no protected resource of the configuration"
            }
            answer = oracle.answer(resource) { claims[$0] ?? [] }
        }
        guard answer.isAllowed == isAllowed else {
            return "must be \(isAllowed ? "allowed" : "refused") and is not: \(answer.because)"
        }
        guard rule == nil || answer.rule == rule else {
            return "must be decided by the rule \"\(rule ?? "")\" and is not: \(answer.because)"
        }
        return nil
    }
}
