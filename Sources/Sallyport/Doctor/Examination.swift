import HTTP
import JSON

/// The way of one client into a server, walked step by step as far as it leads.
struct Examination {
    let endpoint: HTTPURL
    let client: ClientProfile
    let prober: Prober
    /// The value of `Authorization` where there is a login.
    let authorization: String?
    /// The tool to call in the end.
    let call: ToolCall?
    /// Whether it may register.
    let registers: Bool
    /// What came of refreshing the login, where there is one that can be.
    let renewal: Finding?
    /// Whether the server is reached by the transport of 2024-11-05.
    var usesEvents = false
    private(set) var findings: [Finding] = []

    /// A tool, and what it is given.
    struct ToolCall: Sendable {
        let tool: String
        let arguments: JSONValue
    }

    /// What the request without a token met.
    enum Opening {
        /// Anybody may use the server.
        case open
        /// The parameters of the challenge, which may be none.
        case challenged([String: String])
        case stuck
    }

    init(
        _ client: ClientProfile, at endpoint: HTTPURL, prober: Prober, authorization: String?, call: ToolCall?,
        registers: Bool, renewal: Finding? = nil
    ) {
        self.client = client
        self.endpoint = endpoint
        self.prober = prober
        self.authorization = authorization
        self.call = call
        self.registers = registers
        self.renewal = renewal
    }

    /// Walks all of it.
    mutating func walk() async {
        await checkAddress()
        guard await checkPage() else { return }
        switch await open() {
        case .stuck: return
        case .open: break
        case .challenged(let challenge):
            await findWayIn(challenge)
            guard authorization != nil else { return }
        }
        if let renewal { findings.append(renewal) }
        await converse()
    }

    private mutating func findWayIn(_ challenge: [String: String]) async {
        guard let resource = await findResource(challenge), let server = await findServer(resource),
            let identity = await identify(server)
        else { return }
        await authorize(identity, server, resource)
    }

    mutating func report(_ verdict: Finding.Verdict, _ seen: String, _ remedy: String? = nil) {
        findings.append(Finding(verdict: verdict, seen: seen, remedy: remedy))
    }

    /// Reports an exchange that has no answer at all.
    mutating func report(failed error: HTTPClientError, _ observation: Observation) {
        let remedy =
            switch error.code {
            case .unresolved: "make the name known in DNS, or mend the address"
            case .connectFailed: "is it running, and does the network let \(endpoint.origin) through?"
            case .tlsFailed:
                "serve a certificate for this name with its whole chain, from an authority that clients trust"
            case .timeout: "clients wait some seconds for this answer; find out what takes so long"
            case .tooLarge: "answer with less: no client reads this much"
            default: "the server broke off; its log may say why"
            }
        report(.failed, observation.text, remedy)
    }
}
