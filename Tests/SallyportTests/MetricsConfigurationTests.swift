import AsyncIO
import Testing

@testable import Sallyport

@Suite("Configuration of who sees the numbers")
struct MetricsConfigurationTests {
    private static let servers = "servers: {a: {command: /usr/bin/cat}}\n"

    @Test("an address of their own, and who may ask")
    func settings() throws {
        #expect(try ConfigurationFile(Self.servers).load().metrics == MetricsSettings())
        let metrics = try ConfigurationFile(
            "metrics: {listen: \"127.0.0.1:9090\", allow: [10.0.0.0/8, \"fd00::/8\"]}\n" + Self.servers
        ).load().metrics
        #expect(metrics.listen?.port == 9090)
        #expect(metrics.admits(try SocketAddress(ip: "10.1.2.3", port: 1)))
        #expect(metrics.admits(try SocketAddress(ip: "fd00::1", port: 1)))
        #expect(!metrics.admits(try SocketAddress(ip: "127.0.0.1", port: 1)))
    }

    @Test(
        "mistakes are refused at their place",
        arguments: [
            ("{listen: 9090}", "metrics.listen"), ("{listen: \"127.0.0.1:8080\"}", "metrics.listen"),
            ("{allow: []}", "metrics.allow"), ("{allow: [10.0.0.1/8]}", "metrics.allow[0]"),
            ("{allow: localhost}", "metrics.allow"), ("{enabled: false}", "metrics.enabled"),
        ])
    func mistakes(text: String, place: String) throws {
        #expect(try ConfigurationFile("metrics: \(text)\n" + Self.servers).errors().map(\.path) == [place])
    }

    @Test("an address that others reach is told, unless it is said who may ask")
    func told() throws {
        func notes(_ text: String) throws -> [String] {
            try ConfigurationFile("metrics: \(text)\n" + Self.servers).load().notices.map(\.path)
        }
        #expect(try notes("{listen: \"0.0.0.0:9090\"}").contains("metrics.listen"))
        #expect(try !notes("{listen: \"0.0.0.0:9090\", allow: [10.0.0.0/8]}").contains("metrics.listen"))
    }
}
