import HTTP
import JSON
import OAuth

// The door: the address, and the request without a token.
extension Examination {
    mutating func checkAddress() async {
        if endpoint.fragment != nil { report(.warning, "the address has a fragment", "leave out # and what follows") }
        guard client.isHosted else { return }
        if endpoint.scheme != .https {
            report(
                .failed, "\(endpoint.origin) is not https",
                "it takes no other: serve TLS, or stand behind something that does")
        }
        if client.id == "claude", endpoint.path != "/mcp" {
            report(
                .warning, "the path is \(endpoint.path.isEmpty ? "/" : endpoint.path)",
                "some of its releases use servers at exactly /mcp alone (anthropics/claude-ai-mcp#878)")
        }
        if await prober.isPublic() == false {
            report(
                .failed, "\(endpoint.host) is not on the internet",
                "its requests come from its maker's machines: give the server a public address, or use a tunnel")
        }
    }

    /// The request without a token.
    mutating func open() async -> Opening {
        if client.isModern, let opening = await opening(Self.discovery(to: endpoint), isLast: false) { return opening }
        return await opening(Self.handshake(client.version, to: endpoint), isLast: true) ?? .stuck
    }

    /// Nil where the client tries something else next.
    private mutating func opening(_ probe: Probe, isLast: Bool) async -> Opening? {
        let observation = await prober.observe(page(probe))
        switch observation.result {
        case .failure(let error):
            report(failed: error, observation)
            return .stuck
        case .success(let answer):
            if answer.time > .seconds(5) {
                report(.warning, "\(observation.text), after \(answer.time)", "answer faster: clients give up early")
            }
            return await opening(answer, observation, isLast: isLast)
        }
    }

    private mutating func opening(
        _ answer: Observation.Answer, _ observation: Observation, isLast: Bool
    ) async -> Opening? {
        if client.loginStatuses.contains(answer.status) { return await challenged(answer, observation) }
        switch answer.status {
        case 200..<300:
            guard answer.root?["result"] != nil else {
                if !isLast { return nil }
                report(
                    .failed, "\(observation.text), which is no answer of MCP",
                    "is \(endpoint.text) the address of the server itself?")
                return .stuck
            }
            report(
                endpoint.host.isThisMachine ? .noted : .warning, "\(observation.text) without a login",
                "whoever reaches the address can use the server; put Sallyport in front if that is not meant")
            return .open
        default:
            if !isLast { return nil }
            if client.fallsBackToEvents, (400..<500).contains(answer.status), let opening = await openEvents() {
                return opening
            }
            report(.failed, observation.text, Self.remedy(forOpening: answer, at: endpoint))
            return .stuck
        }
    }

    mutating func challenged(_ answer: Observation.Answer, _ observation: Observation) async -> Opening {
        if client.probesAnyType { await probeAnyType() }
        guard client.asksHead else { return .challenged(challenge(answer, observation)) }
        let head = await prober.observe(Probe(method: .head, url: endpoint).adding("Accept", "application/json"))
        guard let answer = head.answer, let challenge = Self.parameters(answer), challenge["resource_metadata"] != nil
        else {
            report(
                .failed, "\(head.text) without WWW-Authenticate: Bearer resource_metadata=\"...\"",
                "answer HEAD as POST without a token: 401 with the challenge")
            return .stuck
        }
        report(.passed, "\(head.text), with a challenge")
        return .challenged(challenge)
    }

    private static func parameters(_ answer: Observation.Answer) -> [String: String]? {
        ChallengeReader.parameters(of: "bearer", in: answer.fields.values("www-authenticate"))
    }

    private mutating func probeAnyType() async {
        var probe = Self.handshake(client.version, to: endpoint)
        probe.fields.removeAll { $0.name == "Accept" }
        let observation = await prober.observe(probe.adding("Accept", "*/*"))
        if let answer = observation.answer, !client.loginStatuses.contains(answer.status) {
            report(
                .warning, "\(observation.text) with Accept: */*",
                "ask for the token before anything else: one of its probes accepts everything")
        }
    }

    private mutating func challenge(_ answer: Observation.Answer, _ observation: Observation) -> [String: String] {
        guard let challenge = Self.parameters(answer) else {
            report(
                .warning, "\(observation.text) without WWW-Authenticate: Bearer",
                "send WWW-Authenticate: Bearer resource_metadata=\"...\" (RFC 9728 §5.1); some clients look nowhere else"
            )
            return [:]
        }
        guard challenge["resource_metadata"] != nil else {
            report(
                .warning, "\(observation.text), a challenge without resource_metadata",
                "name the metadata in it (RFC 9728 §5.1)")
            return challenge
        }
        report(.passed, "\(observation.text), with a challenge")
        return challenge
    }

    private static func remedy(forOpening answer: Observation.Answer, at endpoint: HTTPURL) -> String {
        switch answer.status {
        case 300..<400:
            "no client sends a POST again elsewhere: give out \(answer.fields["location"] ?? "the final address")"
        case 403: "without a token it must be 401 (RFC 6750 §3.1), or no client logs in"
        case 404, 405:
            "there is no MCP endpoint at \(endpoint.path.isEmpty ? "/" : endpoint.path); its path often ends in /mcp"
        case 406: "take Accept: application/json, text/event-stream"
        case 421: "the server does not know itself by this name: set its public address"
        case 429: "too many requests came from here; wait, and raise the limit if clients meet it"
        case 500...: "the server, or what stands before it, fails; its log says why"
        default: "without a token it must be 401"
        }
    }
}
