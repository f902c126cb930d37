import HTTP

// A client that is a web page of another origin: the rules of its browser (Fetch, CORS).
extension Examination {
    /// The request as this client sends it: a browser adds the page's origin.
    func page(_ probe: Probe) -> Probe { probe.adding("Origin", client.pageOrigin) }

    /// Whether the browser would let the page ask at all.
    mutating func checkPage() async -> Bool {
        guard let origin = client.pageOrigin else { return true }
        let wanted = ["authorization", "content-type", "mcp-protocol-version", "mcp-session-id"]
        let probe = Probe(method: .options, url: endpoint).adding("Origin", origin)
            .adding("Access-Control-Request-Method", "POST")
            .adding("Access-Control-Request-Headers", wanted.joined(separator: ","))
        let observation = await prober.observe(probe)
        guard let answer = observation.answer else {
            if case .failure(let error) = observation.result { report(failed: error, observation) }
            return false
        }
        let remedy =
            "allow the origin \(origin) (with Sallyport: cors.allowed_origins), or let the client connect by its own proxy"
        guard answer.isSuccess, Self.allows(answer, origin) else {
            report(.failed, "\(observation.text), and the browser keeps the page of \(origin) out", remedy)
            return false
        }
        let allowed = Self.words(answer.fields.list("access-control-allow-headers"))
        let missing = wanted.filter { name in
            !allowed.contains(name) && (name == "authorization" || !allowed.contains("*"))
        }
        guard missing.isEmpty else {
            report(
                .failed,
                "\(observation.text), without \(missing.joined(separator: ", ")) in Access-Control-Allow-Headers",
                "allow them: the client sends them")
            return false
        }
        report(.passed, observation.text)
        await checkExposure(origin)
        return true
    }

    /// Whether the page may read what it needs of an answer.
    private mutating func checkExposure(_ origin: String) async {
        let observation = await prober.observe(page(Self.handshake(client.version, to: endpoint)))
        guard let answer = observation.answer else { return }
        guard Self.allows(answer, origin) else {
            return report(
                .failed, "\(observation.text) without Access-Control-Allow-Origin: the page cannot read it",
                "send the field with errors too")
        }
        let exposed = Self.words(answer.fields.list("access-control-expose-headers"))
        let missing = ["www-authenticate", "mcp-session-id"].filter { !exposed.contains($0) && !exposed.contains("*") }
        if !missing.isEmpty {
            report(
                .warning, "\(observation.text): the page cannot read \(missing.joined(separator: " and "))",
                "name them in Access-Control-Expose-Headers")
        }
    }

    private static func allows(_ answer: Observation.Answer, _ origin: String) -> Bool {
        let value = answer.fields["access-control-allow-origin"]
        return value == "*" || value?.utf8.elementsEqual(origin.utf8) == true
    }

    private static func words(_ values: [String]) -> Set<String> { Set(values.map { $0.lowercased() }) }
}
