import AsyncIO
import HTTP
import JSON
import MCP
import Telemetry

/// `sallyport doctor URL`: what known clients would stumble over at a server, whoever made it.
enum DoctorCommand {
    static let syntax = CommandSyntax(
        options: RemoteCommand.options + ["--client", "--tool", "--arguments"],
        flags: RemoteServer.flags + ["--json", "--no-login", "--no-register"], words: ["URL"])

    /// Walks the way of each client and tells what it met; `dataError` when one does not get in.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let server = try RemoteServer(arguments, environment: environment)
        let clients = try clients(arguments["--client"])
        let call = try toolCall(arguments)
        let patience = try RemoteCommand.patience(arguments, standard: .seconds(20))
        let registers = !arguments.has("--no-register")
        let wantsLogin = !arguments.has("--no-login")
        let loop = EventLoop(name: "doctor")
        defer {
            LogSink.standard.flush()
            loop.shutdown()
        }
        let diagnosis = try Lifecycle.run(on: loop) { () async throws(CommandFailure) in
            let prober = Prober(server.endpoint, on: loop, patience: patience)
            let login = try await login(server, wantsLogin, prober, on: loop)
            var patients: [Diagnosis.Patient] = []
            for client in clients {
                var examination = Examination(
                    client, at: server.endpoint, prober: prober, authorization: login.authorization, call: call,
                    registers: registers, renewal: login.renewal)
                await examination.walk()
                patients.append(Diagnosis.Patient(client: client, findings: examination.findings))
            }
            await prober.cleanUp()
            return Diagnosis(endpoint: server.endpoint.text, patients: patients, notTried: login.notTried)
        }
        if arguments.has("--json") {
            Console.say(String(decoding: diagnosis.json.serialized(), as: UTF8.self))
        } else {
            Console.say(diagnosis.text(everything: arguments.has("--verbose")))
        }
        return diagnosis.stuck == 0 ? .success : .dataError
    }

    private static func clients(_ wanted: String?) throws(CommandFailure) -> [ClientProfile] {
        guard let wanted else { return ClientProfile.known }
        var chosen: [ClientProfile] = []
        for id in wanted.split(separator: ",").map(String.init) {
            guard let client = ClientProfile.known.first(where: { $0.id == id }) else {
                let ids = ClientProfile.known.map(\.id)
                throw CommandFailure(
                    code: .usage, message: "unknown client \"\(id)\"", hint: "known: \(ids.joined(separator: ", "))")
            }
            chosen.append(client)
        }
        return chosen
    }

    private static func toolCall(_ arguments: ParsedArguments) throws(CommandFailure) -> Examination.ToolCall? {
        guard let tool = arguments["--tool"] else {
            guard arguments["--arguments"] == nil else {
                throw CommandFailure(code: .usage, message: "--arguments needs --tool", hint: "name the tool to call")
            }
            return nil
        }
        return Examination.ToolCall(
            tool: tool, arguments: try CallCommand.toolArguments(arguments["--arguments"] ?? "{}"))
    }

    // MARK: The login

    private struct Login: Sendable {
        var authorization: String?
        var notTried: String?
        /// What came of refreshing it.
        var renewal: Finding?
    }

    /// The login with what comes of refreshing it. A token that a person gave has nothing to be refreshed with.
    private static func refreshed(
        _ login: Login, _ authorizer: any RequestAuthorizer, _ handshake: Probe, _ prober: Prober
    ) async -> Login {
        guard let remote = authorizer as? RemoteAuthorizer else { return login }
        var login = login
        let trial = await remote.tryRefreshing()
        login.renewal = trial.finding
        // What is kept is read: nobody is asked.
        guard trial.isNew, let fresh = try? await remote.authorization() else { return login }
        login.authorization = fresh
        if await !isTaken(fresh, handshake, prober) { login.renewal = RefreshTrial.worthless }
        return login
    }

    /// The login that `call` and `list` would use, where the server asks for one.
    private static func login(
        _ server: RemoteServer, _ isWanted: Bool, _ prober: Prober, on loop: EventLoop
    ) async throws(CommandFailure) -> Login {
        let authorizer = server.authorizer(on: loop)
        let handshake = Examination.handshake("2025-11-25", to: server.endpoint)
        let observation = await prober.observe(handshake)
        guard var open = observation.answer else {
            throw CommandFailure(
                code: .unavailable, message: "\(server.endpoint.origin) does not answer: \(observation.text)",
                hint: "is it running, and is the address right?")
        }
        if (400..<500).contains(open.status), open.status != 401 {
            // A server of 2024-11-05 asks at its stream.
            let stream = await prober.observe(Probe(url: server.endpoint).adding("Accept", "text/event-stream"))
            if let answer = stream.answer, answer.status == 401 { open = answer }
        }
        guard open.status == 401 else { return Login() }
        guard isWanted else { return Login(notTried: "--no-login") }
        do throws(AuthorizationFailure) {
            let kept = try await authorizer.authorization()
            if let kept, await isTaken(kept, handshake, prober) {
                return await refreshed(Login(authorization: kept), authorizer, handshake, prober)
            }
            let refusal = AuthorizationRefusal(
                status: 401, challenges: open.fields.values("www-authenticate"), presented: kept)
            guard try await authorizer.renew(after: refusal), let fresh = try await authorizer.authorization() else {
                return Login(notTried: "the token is refused")
            }
            return await refreshed(Login(authorization: fresh), authorizer, handshake, prober)
        } catch {
            return Login(notTried: LogText.sanitized(error.description))
        }
    }

    /// Whether the server takes the token; a session that this makes is ended.
    private static func isTaken(_ authorization: String, _ handshake: Probe, _ prober: Prober) async -> Bool {
        let answer = await prober.send(handshake.adding("Authorization", authorization)).answer
        if let session = answer?.fields["mcp-session-id"] {
            let end = Probe(method: .delete, url: handshake.url).adding("Authorization", authorization)
            _ = await prober.send(end.adding("Mcp-Session-Id", session))
        }
        return answer.map { $0.status != 401 } ?? false
    }
}
