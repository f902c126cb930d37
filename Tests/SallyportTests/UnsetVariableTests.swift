import AuthorizationServer
import Gateway
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

/// Variables that the gateway gets from where a command cannot read.
@Suite("Variables that the gateway alone has")
struct UnsetVariableTests {
    private static let text = """
        public_url: https://${HOST_NAME}
        listen: 0.0.0.0:8080
        login:
          providers:
            - {id: hub, type: github, client_id: abc, client_secret: "${HUB_SECRET}", allow: {users: [a]}}
        servers:
          time: {command: /usr/bin/cat, env: {KEY: "${TIME_KEY}"}, limits: {open_files: "${FILES}"}}
          n8n: {url: "${N8N_URL}", headers: {x-key: "${N8N_KEY}"}, authorization: {bearer: "${N8N_TOKEN}"}}
        oauth:
          clients:
            - {client_id: web, client_secret: "${WEB_SECRET}", redirect_uris: ["https://a.example/cb"], resources: [n8n]}
        """
    private static let variables = [
        "HOST_NAME", "HUB_SECRET", "TIME_KEY", "FILES", "N8N_URL", "N8N_KEY", "N8N_TOKEN", "WEB_SECRET",
    ]

    private static func load(
        _ text: String, for purpose: ConfigurationPurpose, _ environment: [String: String] = [:]
    ) throws -> Configuration {
        let file = try ConfigurationFile(text)
        return try ConfigurationLoader(
            overrides: ConfigurationOverrides(file: file.path),
            environment: environment.merging(["HOME": file.directory.path, "PATH": "/usr/bin:/bin"]) { given, _ in given
            },
            purpose: purpose
        ).load()
    }

    private static func errors(_ text: String, for purpose: ConfigurationPurpose) throws -> [ConfigurationProblem] {
        do {
            _ = try load(text, for: purpose)
            return []
        } catch let error as ConfigurationError {
            return error.errors
        }
    }

    @Test("to serve, every variable has to be set")
    func serving() throws {
        let messages = try Self.errors(Self.text, for: .serving).map(\.message)
        for name in Self.variables {
            #expect(messages.contains("the environment variable \(name) is not set"), "\(name) in \(messages)")
        }
    }

    @Test(
        "administration needs none that only others are reached by; what stands for one is nobody's secret, and never the same"
    )
    func administration() throws {
        let first = try Self.load(Self.text, for: .administration())
        let second = try Self.load(Self.text, for: .administration())
        #expect(first.servers.map(\.name) == ["time", "n8n"])
        #expect(first.oauth.clients.map(\.id.value) == ["web"])
        let keys = [first, second].compactMap { $0.servers.first?.environment["KEY"] }
        #expect(
            keys.count == 2 && keys[0] != keys[1] && keys.allSatisfy { $0.hasPrefix("unset-") && $0.utf8.count == 38 })
        #expect(first.servers.last?.remote?.url.host.description == "unset.invalid")
        let noted = first.notices.filter { $0.message.contains("is not set") }
        #expect(noted.count == Self.variables.count, "\(noted.map(\.text))")
    }

    @Test(
        "where the store is, how it is sealed and what becomes of the trail is needed, and said so",
        arguments: [
            ("storage: ${STORE}", "storage"), ("storage: redis://127.0.0.1\nsealing_key: ${STORE}", "sealing_key"),
            ("data_dir: ${STORE}", "data_dir"), ("audit: {retention: \"${STORE}\"}", "audit.retention"),
            (
                "oauth: {dynamic_registration: {client_lifetime: \"${STORE}\"}}",
                "oauth.dynamic_registration.client_lifetime"
            ),
            ("servers: {a: {command: cat, env: {K: \"${OTHER}\"}}}\nstorage: ${STORE}", "storage"),
        ])
    func needed(text: String, place: String) throws {
        let errors = try Self.errors(text, for: .administration())
        #expect(errors.map(\.path) == [place])
        #expect(errors.first?.message == "the environment variable STORE is not set")
        #expect(errors.first?.hint?.contains("this command needs it") == true)
    }

    @Test("health needs the address, a key of a program the addresses of the servers")
    func more() throws {
        let rest = "\nservers: {a: {command: cat, env: {K: \"${KEY}\"}}}"
        #expect(try Self.errors("listen: ${WHERE}" + rest, for: .health).map(\.path) == ["listen"])
        #expect(try Self.errors("listen: ${WHERE}" + rest, for: .administration()).isEmpty)
        #expect(try Self.errors("public_url: ${WHERE}" + rest, for: .tokens).map(\.path) == ["public_url"])
        #expect(try Self.errors("public_url: https://a.example" + rest, for: .tokens).isEmpty)
        // Without a name a key would be for loopback.
        #expect(try Self.errors("listen: 0.0.0.0:80" + rest, for: .tokens).map(\.path) == ["public_url"])
    }

    @Test("check --allow-unset notes variables and what follows of them, and refuses the rest")
    func review() throws {
        let noted = try Self.load(Self.text, for: .review).notices.filter { $0.message.contains("is not set") }
        #expect(noted.count == Self.variables.count)
        let errors = try Self.errors(Self.text + "\nstorage: ${STORE}\nlogging: {level: loud}", for: .review)
        #expect(errors.map(\.path) == ["logging.level"])
    }
}
