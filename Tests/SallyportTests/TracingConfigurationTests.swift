import HTTP
import Testing

@testable import Sallyport

@Suite("Configuration of tracing")
struct TracingConfigurationTests {
    private static let servers = "servers: {a: {command: /usr/bin/cat}}\n"

    @Test(
        "the endpoint of a collector gets the path of OTLP where it has not got it",
        arguments: [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/", "https://otel.example/v1/traces"),
            ("https://otel.example/in", "https://otel.example/in/v1/traces"),
            ("https://otel.example/in/v1/traces", "https://otel.example/in/v1/traces"),
        ])
    func endpoint(text: String, meant: String) throws {
        let tracing = try ConfigurationFile("tracing: {otlp_endpoint: \"\(text)\"}\n" + Self.servers).load().tracing
        #expect(tracing?.endpoint.text == meant && tracing?.ratio == 1)
    }

    @Test("an empty endpoint, or none, traces nothing")
    func nothing() throws {
        #expect(try ConfigurationFile("tracing: {otlp_endpoint: \"\"}\n" + Self.servers).load().tracing == nil)
        #expect(try ConfigurationFile(Self.servers).load().tracing == nil)
    }

    @Test(
        "mistakes are refused at their place",
        arguments: [
            ("{otlp_endpoint: collector}", "tracing.otlp_endpoint"),
            ("{otlp_endpoint: \"http://c:4318\", sample_ratio: 2}", "tracing.sample_ratio"),
            ("{otlp_endpoint: \"http://c:4318\", headers: {Host: x}}", "tracing.headers.Host"),
            ("{endpoint: \"http://c:4318\"}", "tracing.endpoint"),
        ])
    func mistakes(text: String, place: String) throws {
        #expect(try ConfigurationFile("tracing: \(text)\n" + Self.servers).errors().map(\.path) == [place])
    }

    @Test("the port of gRPC is told")
    func grpc() throws {
        let notices = try ConfigurationFile("tracing: {otlp_endpoint: \"http://c:4317\"}\n" + Self.servers).load()
            .notices
        #expect(notices.contains { $0.path == "tracing.otlp_endpoint" && $0.message.contains("gRPC") })
    }
}
