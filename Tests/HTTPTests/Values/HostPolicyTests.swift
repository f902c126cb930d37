import AsyncIO
import Testing

@testable import HTTP

@Suite struct HostPolicyTests {
    static let hosts = [
        ("localhost:8080", true), ("127.0.0.1:8080", true), ("[::1]:8080", true), ("localhost", false),
        ("127.0.0.1", false),
        ("localhost:80", false), ("localhost:8081", false), ("evil.test", false), ("evil.test:8080", false),
        ("localhost.evil.test:8080", false), ("127.0.0.2:8080", false), ("127.0.0.1.evil.test:8080", false),
        ("0.0.0.0:8080", false),
        ("[::]:8080", false), ("[::ffff:127.0.0.1]:8080", false), ("localhos:8080", false), ("xlocalhost:8080", false),
        ("10.0.0.1:8080", false), ("192.168.1.1:8080", false), ("169.254.169.254", false), ("mcp.example.com", false),
        ("localhost:443", false), ("[::1]", false), ("[0:0:0:0:0:0:0:1]:8080", false), ("ip6-localhost:8080", false),
    ]

    static let origins: [([String], Bool)] = [
        ([], true), (["http://localhost:8080"], true), (["http://127.0.0.1:8080"], true), (["https://ok.test"], true),
        (["null"], false), (["https://evil.test"], false), (["http://localhost"], false),
        (["https://localhost:8080"], false),
        (["http://localhost:8080", "http://localhost:8080"], false), ([""], false),
        (["https://ok.test.evil.test"], false),
        (["https://OK.test"], false), (["*"], false),
    ]

    private func request(_ host: String, _ origins: [String]) -> HTTPRequest {
        var fields = HTTPFields()
        for origin in origins { fields.append("Origin", origin) }
        return HTTPRequest(path: "/", fields: fields, authority: host)
    }

    private func refusal(_ policy: HostPolicy, _ request: HTTPRequest) -> HostRefusal? {
        do throws(HostRefusal) {
            _ = try policy.origin(of: request)
            return nil
        } catch {
            return error
        }
    }

    @Test("H06: Host and Origin are checked independently", arguments: hosts)
    func matrix(_ host: String, _ isOwn: Bool) throws {
        let policy = HostPolicy(
            publicURL: nil, listen: try SocketAddress(parsing: "127.0.0.1:8080"), allowedOrigins: ["https://ok.test"])
        for (origins, isAllowed) in Self.origins {
            let expected: HostRefusal? = !isOwn ? .misdirected : isAllowed ? nil : .forbiddenOrigin
            #expect(refusal(policy, request(host, origins)) == expected, "\(host) \(origins)")
        }
        #expect(HostRefusal.misdirected.response.status.code == 421)
        #expect(HostRefusal.forbiddenOrigin.response.status.code == 403)
    }

    @Test("the origin is the one that the client used")
    func used() throws {
        let policy = HostPolicy(
            publicURL: nil, listen: try SocketAddress(parsing: "127.0.0.1:8080"), allowedOrigins: [])
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            let origin = try policy.origin(of: request(host, []))
            #expect(origin.description == "http://\(host)")
            #expect(!origin.isSecure)
            #expect(policy.isOwn(origin: origin.description))
        }
    }

    @Test("H06: another host of ours answers by its own name alone, and for its own pages and those allowed")
    func site() throws {
        let policy = HostPolicy(
            publicURL: try HTTPURL("https://gw.test"), listen: try SocketAddress(parsing: "0.0.0.0:8080"),
            allowedOrigins: ["https://ok.test"])
        let site = policy.at(try HTTPURL("https://time.gw.test"))
        for host in ["time.gw.test", "time.gw.test:443"] {
            for (origins, isAllowed) in [
                ([], true), (["https://time.gw.test"], true), (["https://ok.test"], true),
                (["https://gw.test"], false), (["https://other.gw.test"], false), (["null"], false),
                (["https://time.gw.test.evil.test"], false), (["http://time.gw.test"], false),
                (["https://ok.test", "https://ok.test"], false),
            ] {
                let expected: HostRefusal? = isAllowed ? nil : .forbiddenOrigin
                #expect(refusal(site, request(host, origins)) == expected, "\(host) \(origins)")
            }
        }
        let others = [
            "gw.test", "other.gw.test", "a.time.gw.test", "time.gw.test:80", "time.gw.test.", "time.gw.test.evil.test",
            "xtime.gw.test", "localhost:8080", "",
        ]
        for host in others { #expect(refusal(site, request(host, [])) == .misdirected, "\(host)") }
        for host in ["time.gw.test", "time.gw.test:443"] {
            #expect(refusal(policy, request(host, [])) == .misdirected, "the other way round")
        }
        #expect(refusal(policy, request("gw.test", ["https://time.gw.test"])) == .forbiddenOrigin)
        #expect(try site.origin(of: request("time.gw.test", [])).description == "https://time.gw.test")
    }

    @Test("with a public URL only its name counts")
    func publicName() throws {
        let policy = HostPolicy(
            publicURL: try HTTPURL("https://MCP.example.com"), listen: try SocketAddress(parsing: "0.0.0.0:8080"),
            allowedOrigins: [])
        let origin = try policy.origin(of: request("mcp.example.com", ["https://mcp.example.com"]))
        #expect(origin.description == "https://mcp.example.com")
        #expect(origin.isSecure)
        #expect(try policy.origin(of: request("mcp.example.com:443", [])) == origin)
        for host in ["localhost:8080", "mcp.example.com:8080", "mcp.example.com:80", "example.com", "0.0.0.0:8080"] {
            #expect(refusal(policy, request(host, [])) == .misdirected)
        }
        #expect(refusal(policy, request("mcp.example.com", ["http://mcp.example.com"])) == .forbiddenOrigin)
    }

    @Test("port 0 means the port that the request came in by")
    func dynamicPort() throws {
        let policy = HostPolicy(publicURL: nil, listen: try SocketAddress(parsing: "127.0.0.1:0"), allowedOrigins: [])
        #expect(try policy.origin(of: request("localhost:8080", [])).description == "http://localhost:8080")
        #expect(refusal(policy, request("localhost:8081", [])) == .misdirected)
        #expect(refusal(policy, request("localhost:8080", ["http://localhost:8081"])) == .forbiddenOrigin)
    }
}
