import AuthorizationServer
import Foundation
import Gateway
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

@Suite("Routing by subdomain, as configured")
struct RoutingConfigurationTests {
    private static let good = """
        public_url: https://mcp.example.com
        listen: 0.0.0.0:8080
        data_dir: /nonexistent
        routing: subdomain
        servers:
          time: {command: cat}
          notes-2: {command: cat}
        oauth:
          clients:
            - {client_id: ours, redirect_uris: [https://app.example.com/cb], resources: [time]}
        """

    private func plan(_ text: String) throws -> ServingPlan {
        ServingPlan(configuration: try ConfigurationFile(text).load(), protection: .login)
    }

    @Test("S4-20: each server has a host of its own, and all of them together stand at the public URL")
    func addresses() throws {
        let plan = try plan(Self.good)
        #expect(
            plan.addresses.map { $0.url(at: "https://mcp.example.com") } == [
                "https://time.mcp.example.com/mcp", "https://notes-2.mcp.example.com/mcp",
                "https://mcp.example.com/mcp",
            ])
        #expect(
            plan.configuration.hosts.map(\.description) == [
                "mcp.example.com", "time.mcp.example.com", "notes-2.mcp.example.com",
            ])
        let ports = try self.plan(
            "public_url: http://localhost:8080\nrouting: subdomain\nservers: {time: {command: cat}}\n")
        #expect(ports.addresses.first?.url(at: "") == "http://time.localhost:8080/mcp")
        // A bridge has no login and no names.
        let bridge = ServingPlan(configuration: plan.configuration, protection: .none)
        #expect(bridge.endpoints.map(\.path) == ["/mcp", "/mcp"] && bridge.endpoints.allSatisfy { $0.site == nil })
    }

    @Test("R02: the directory knows each resource at its own origin and nowhere else")
    func directory() throws {
        let directory = ServerDirectory(try plan(Self.good))
        let time = "https://time.mcp.example.com"
        for path in ["/mcp", "/sse"] {
            #expect(directory.external(origin: time, path: path)?.name == "time")
            #expect(directory.isExternal(time + path))
        }
        #expect(directory.all.allSatisfy { !$0.isElsewhere })
        #expect(directory.resource(atPath: "/mcp")?.isCollective == true)
        for path in ["/time/mcp", "/time/sse"] { #expect(directory.resource(atPath: path) == nil) }
        for (origin, path) in [
            ("https://mcp.example.com", "/mcp"), (time, "/time/mcp"), (time, "/messages"), (time, ""),
            ("http://time.mcp.example.com", "/mcp"), ("https://other.mcp.example.com", "/mcp"),
            ("https://time.mcp.example.com.evil.test", "/mcp"), ("https://time.mcp.example.com:8443", "/mcp"),
        ] {
            #expect(directory.external(origin: origin, path: path) == nil, "\(origin)\(path)")
        }
    }

    @Test("a client that is bound to a server is bound to it wherever it stands")
    func bindings() throws {
        let byName = ServerDirectory(try plan(Self.good))
        let byPath = ServerDirectory(
            try plan(Self.good.replacingOccurrences(of: "routing: subdomain", with: "routing: path")))
        let client = try plan(Self.good).configuration.oauth.clients.first
        #expect(client?.allowedResources == ["/time/mcp"])
        for directory in [byName, byPath] {
            #expect(directory.all.filter { client?.allowedResources?.contains($0.bindingName) == true }.count == 1)
            #expect(directory.all.first { $0.bindingName == "/time/mcp" }?.name == "time")
            #expect(directory.all.contains { $0.bindingName == "/mcp" && $0.isCollective })
        }
        // The older transport is no way around it.
        let channel = byName.external(origin: "https://time.mcp.example.com", path: "/sse")
        #expect(channel?.bindingName == "/time/sse")
    }

    static let bad: [BadConfiguration] = [
        .init("no name", "routing: subdomain\n", "routing", "needs public_url", hint: "http://localhost:8080"),
        .init("an address", "public_url: http://127.0.0.1:8080\nrouting: subdomain\n", "routing", "is an address"),
        .init(
            "capitals", "public_url: https://x.test\nrouting: subdomain\nservers: {Time: {command: cat}}\n",
            "servers.Time", "cannot be part of a host name", hint: "small letters"),
        .init(
            "underscore", "public_url: https://x.test\nrouting: subdomain\nservers: {a_b: {command: cat}}\n",
            "servers.a_b", "cannot be part of a host name"),
        .init(
            "hyphen", "public_url: https://x.test\nrouting: subdomain\nservers: {a-: {command: cat}}\n", "servers.a-",
            "cannot be part of a host name"),
        .init(
            "too long",
            "public_url: https://\(Array(repeating: "abcdefghi", count: 24).joined(separator: ".")).abcdefgh.test\n"
                + "routing: subdomain\nservers: {a: {command: cat}}\n", "servers.a", "too long"),
        .init(
            "a resource elsewhere at a server's host",
            "public_url: https://x.test\nrouting: subdomain\nservers: {a: {command: cat}}\n"
                + "protected_resources: {b: {url: https://a.x.test/other}}\n", "protected_resources.b",
            "address of one of the servers"),
        .init(
            "names that no certificate would have",
            "public_url: https://x.test\nrouting: subdomain\nservers: {a: {command: cat}}\n"
                + "tls: {acme: {domains: [x.test]}}\n", "tls.acme.domains", "do not name a.x.test"),
        .init(
            "a wildcard", "public_url: https://x.test\ntls: {acme: {domains: [x.test, \"*.x.test\"]}}\n",
            "tls.acme.domains", "no name that an authority issues", hint: "dns-01"),
        .init(
            "more names than a certificate has",
            "public_url: https://x.test\nrouting: subdomain\ntls: {acme: {email: a@x.test}}\nservers:\n"
                + (0..<100).map { "  s\($0): {command: cat}\n" }.joined(), "tls.acme", "101 hosts"),
    ]

    @Test("O03: routing by subdomain that makes no hosts is refused with its reason", arguments: bad)
    func refused(_ configuration: BadConfiguration) throws {
        let errors = try ConfigurationFile(configuration.text).errors()
        let found = errors.first {
            $0.path.description == configuration.path && $0.text.contains(configuration.message)
        }
        #expect(found != nil, "\(errors.map(\.text))")
        #expect(configuration.hint.isEmpty || found?.text.contains(configuration.hint) == true)
    }

    @Test("the longest name that a host may have is taken, and one more letter is not")
    func longest() throws {
        // Behind `a.`: 251 characters, in parts of nine.
        let host = Array(repeating: "abcdefghi", count: 24).joined(separator: ".") + ".abcdef.test"
        let text = "public_url: https://\(host)\nrouting: subdomain\nservers: {a: {command: cat}}\n"
        #expect(host.utf8.count == 251)
        let plan = try plan(text)
        #expect(plan.configuration.hosts.last?.description.utf8.count == 253)
        let errors = try ConfigurationFile(text.replacingOccurrences(of: "{a: {", with: "{aa: {")).errors()
        #expect(errors.contains { $0.text.contains("too long") }, "\(errors.map(\.text))")
    }

    @Test("names that only hosts cannot have are good where servers are told apart by path")
    func paths() throws {
        let plan = try plan("public_url: https://x.test\nservers: {Time_1: {command: cat}}\n")
        #expect(plan.endpoints.first?.url(at: "https://x.test") == "https://x.test/Time_1/mcp")
    }

    @Test("S4-19: a certificate that is not for every host is said so, a wildcard is for all")
    func certificate() throws {
        let certificates = try TestCertificates()
        func notices(_ names: String) throws -> String {
            let shown = try certificates.issue("shown", names: names)
            let tls = "tls: {certificate: \(shown.certificate), private_key: \(shown.key)}\n"
            return try ConfigurationFile(Self.good + "\n" + tls).load().notices.map(\.text).joined(separator: "\n")
        }
        #expect(try !notices("DNS:mcp.example.com,DNS:*.mcp.example.com").contains("is not for"))
        let apex = try notices("DNS:mcp.example.com")
        #expect(apex.contains("is not for time.mcp.example.com, notes-2.mcp.example.com:"), "\(apex)")
        #expect(apex.contains("*.mcp.example.com"))
        #expect(try notices("DNS:*.mcp.example.com").contains("is not for mcp.example.com:"))
    }

    @Test("an authority is asked for every host, and for those alone that an operator names")
    func authority() throws {
        let plain = Self.good + "\ntls: {acme: {email: a@example.com}}\n"
        let all = ["mcp.example.com", "time.mcp.example.com", "notes-2.mcp.example.com"]
        func names(_ text: String) throws -> [String] {
            let configuration = try plan(text).configuration
            guard case .acme(let acme) = configuration.tls?.source else { return [] }
            return configuration.certificateNames(acme)
        }
        #expect(try names(plain) == all)
        let more = ["more.example.com"] + all.reversed()
        let named = plain.replacingOccurrences(
            of: "{email: a@example.com}", with: "{domains: [\(more.joined(separator: ", "))]}")
        #expect(try names(named) == more)
    }

    @Test("F21: servers come and go without a restart, and routing does not change without one")
    func change() throws {
        let old = try plan(Self.good).configuration
        let more = try plan(Self.good.replacingOccurrences(of: "servers:", with: "servers:\n  new: {command: cat}"))
        let change = ConfigurationChange(old: old, new: more.configuration)
        #expect(change.fixedKeys.isEmpty && change.continuity.servers == ["time", "notes-2"])
        let path = try plan(Self.good.replacingOccurrences(of: "routing: subdomain", with: "routing: path"))
        #expect(ConfigurationChange(old: old, new: path.configuration).fixedKeys == ["routing"])
    }
}
