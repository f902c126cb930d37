import Gateway
import HTTP

/// Reads `tracing`.
struct TracingReader {
    /// OTLP/HTTP §"Endpoint URLs".
    private static let path = "/v1/traces"

    let context: ConfigurationContext

    /// Nil where nothing is traced.
    func settings(in section: ConfigurationSection?) -> TracingSettings? {
        guard var section else { return nil }
        let endpoint = section.value("otlp_endpoint").flatMap(endpoint)
        let ratio = section.value("sample_ratio")?.decimal(in: 0...1)
        let headers = section.section("headers").map {
            ServerReader(context: context).fields($0) { $0.secretText(in: context) }
        }
        section.finish(hints: ["endpoint": "did you mean \"otlp_endpoint\"?"])
        guard let endpoint else { return nil }
        return TracingSettings(endpoint: endpoint, ratio: ratio ?? 1, headers: headers ?? [])
    }

    private func endpoint(_ value: ConfigurationValue) -> HTTPURL? {
        guard let text = value.string(), !text.isEmpty else { return nil }
        let hint = "the address of an OTLP/HTTP receiver, like http://127.0.0.1:4318"
        guard let url = try? HTTPURL(text), url.query == nil, url.fragment == nil else {
            value.refuse("\"\(text)\" is no address", hint: hint)
            return nil
        }
        if url.port == 4317 { value.note("4317 is the port of OTLP over gRPC", hint: hint) }
        if url.path.hasSuffix(Self.path) { return url }
        let base = text.hasSuffix("/") ? String(text.dropLast()) : text
        return try? HTTPURL(base + Self.path)
    }
}
