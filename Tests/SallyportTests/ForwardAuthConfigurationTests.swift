import AsyncIO
import AuthorizationServer
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Gateway
@testable import Sallyport

@Suite("Configuration of /verify")
struct ForwardAuthConfigurationTests {
    private static let good = """
        public_url: https://auth.example.com
        listen: 0.0.0.0:8080
        trusted_proxies: [172.16.0.0/12, 127.0.0.1]
        insecure_forward_bearer: true
        protected_resources:
          fetch: {url: "https://Fetch.example.com:443/mcp"}
          files: {url: "https://files.example.com/mcp", scopes: [read, write], required_scopes: [read]}
          whole: {url: https://whole.example.com/, scopes: []}
        oauth:
          clients:
            - {client_id: ours, redirect_uris: [https://app.example.com/cb], resources: [fetch]}
        """

    @Test("c36: forms that ask for secrets are let through where somebody says so, and sessions do not outlast that")
    func secretForms() throws {
        let one = "listen: 127.0.0.1:8080\nservers: {a: {command: cat}}\n"
        let (old, new) = (
            try ConfigurationFile(one).load(), try ConfigurationFile(one + "insecure_secret_forms: true\n").load()
        )
        #expect(!old.allowsSecretForms && new.allowsSecretForms)
        #expect(ConfigurationChange(old: old, new: old).continuity.servers == ["a"])
        #expect(ConfigurationChange(old: old, new: new).continuity.servers.isEmpty)
    }

    @Test("proxies and resources are read, and a client may be bound to one")
    func read() throws {
        let configuration = try ConfigurationFile(Self.good).load()
        #expect(configuration.trustedProxies == ["172.16.0.0/12", "127.0.0.1"].compactMap { CIDR($0) })
        #expect(configuration.forwardsBearer && configuration.servers.isEmpty)
        #expect(
            configuration.protectedResources.map(\.identifier) == [
                "https://fetch.example.com/mcp", "https://files.example.com/mcp", "https://whole.example.com",
            ])
        #expect(configuration.protectedResources.map(\.scopes) == [["mcp"], ["read", "write"], []])
        #expect(configuration.protectedResources[1].requiredScopes == ["read"])
        #expect(configuration.oauth.clients.first?.allowedResources == ["https://fetch.example.com/mcp"])
        let directory = ServerDirectory(ServingPlan(configuration: configuration, protection: .login))
        #expect(directory.external(origin: "https://fetch.example.com", path: "/mcp")?.name == "fetch")
        #expect(directory.resource(atPath: "/mcp") == nil)
    }

    @Test("Examples/behind-traefik loads, and protects the address that its labels route")
    func example() throws {
        let folder = Checkout.root + "/Examples/behind-traefik"
        let configuration = try ConfigurationLoader(
            overrides: ConfigurationOverrides(file: folder + "/sallyport.yaml", dataDirectory: "/nonexistent"),
            environment: ["HOME": "/", "PATH": "/usr/bin:/bin", "BASE_DOMAIN": "example.com"]
        ).load()
        #expect(configuration.publicURL?.origin == "https://auth.example.com")
        #expect(configuration.protectedResources.map(\.identifier) == ["https://fetch.example.com/mcp"])
        #expect(configuration.notices.isEmpty)
    }

    static let bad: [BadConfiguration] = [
        .init("no block", "trusted_proxies: [traefik]\n", "trusted_proxies[0]", "not a block", hint: "10.0.0.0/8"),
        .init("bits beyond", "trusted_proxies: [10.0.0.1/8]\n", "trusted_proxies[0]", "not a block"),
        .init("everybody", "trusted_proxies: [0.0.0.0/0]\n", "trusted_proxies[0]", "believe everybody"),
        .init("everybody, v6", "trusted_proxies: [\"::/0\"]\n", "trusted_proxies[0]", "believe everybody"),
        .init("no url", "protected_resources: {a: {}}\n", "protected_resources.a", "\"url\" is missing"),
        .init(
            "http", "protected_resources: {a: {url: http://a.test/mcp}}\n", "protected_resources.a.url", "in the clear"),
        .init(
            "query", "protected_resources: {a: {url: https://a.test/mcp?x=1}}\n", "protected_resources.a.url", "not the"
        ),
        .init(
            "dots", "protected_resources: {a: {url: https://a.test/x/../mcp}}\n", "protected_resources.a.url", "not the"
        ),
        .init(
            "encoded", "protected_resources: {a: {url: https://a.test/m%63p}}\n", "protected_resources.a.url", "not the"
        ),
        .init("slash", "protected_resources: {a: {url: https://a.test/mcp/}}\n", "protected_resources.a.url", "slash"),
        .init(
            "no url at all", "protected_resources: {a: {url: fetch}}\n", "protected_resources.a.url", "not the address"),
        .init("name", "protected_resources: {\"a b\": {url: https://a.test}}\n", "protected_resources.a b", "name"),
        .init(
            "twice", "protected_resources: {a: {url: https://a.test}, b: {url: https://A.test:443/}}\n",
            "protected_resources.b", "same url"),
        .init(
            "scope", "protected_resources: {a: {url: https://a.test, scopes: [\"a b\"]}}\n",
            "protected_resources.a.scopes", "without blanks"),
        .init(
            "required", "protected_resources: {a: {url: https://a.test, required_scopes: [x]}}\n",
            "protected_resources.a.required_scopes", "not one of"),
        .init("issuer", "protected_resources: {a: {url: https://a.test}}\n", "protected_resources", "needs public_url"),
        .init(
            "server's name",
            "public_url: https://x.test\nservers: {a: {command: cat}}\nprotected_resources: {a: {url: https://a.test}}\n",
            "protected_resources.a", "same name"),
        .init(
            "server's address",
            "public_url: https://x.test\nservers: {a: {command: cat}}\n"
                + "protected_resources: {b: {url: https://x.test/a/mcp}}\n",
            "protected_resources.b", "address of one of the servers"),
    ]

    @Test("O03: what cannot work or does not protect is refused", arguments: bad)
    func refused(_ configuration: BadConfiguration) throws {
        let errors = try ConfigurationFile(configuration.text).errors()
        let found = errors.first {
            $0.path.description == configuration.path && $0.text.contains(configuration.message)
        }
        #expect(found != nil, "\(errors.map(\.text))")
        #expect(found?.text.contains(configuration.hint) != false)
    }

    @Test("resources without a trusted proxy are a notice: nobody could be let through")
    func notice() throws {
        let file = try ConfigurationFile(
            "public_url: https://x.test\nprotected_resources: {a: {url: https://a.test}}\n")
        #expect(try file.load().notices.contains { $0.text.contains("trusted_proxies is empty") })
    }
}
