import AsyncIO
import Crypto
import Gateway
import HTTP

// Servers behind HTTP: `url` in YAML, `url`, `serverUrl` or `httpUrl` in the files of hosts.
extension ServerReader {
    /// Sessions with one such server, which cost no process.
    private static let defaultSessions = 500
    private static let keysOfPrograms = [
        "command", "args", "env", "pass_environment", "working_directory", "user", "sandbox",
    ]

    /// A server of `servers` that has a `url`.
    func remote(_ name: String, _ given: ConfigurationSection) -> ServerSettings? {
        var section = given
        guard let url = section.value("url") else { return nil }
        for key in Self.keysOfPrograms {
            section.value(key)?.refuse("there is a url as well", hint: "a server is a program or behind HTTP, not both")
        }
        var server = ServerSettings(name: name, command: "")
        server.maximumSessions = Self.defaultSessions
        if let timeout = section.value("timeout")?.duration(in: .milliseconds(100)...(.seconds(86_400))) {
            server.timeout = timeout
        }
        server.startTimeout = section.value("start_timeout")?.duration(in: .seconds(1)...(.seconds(600)))
        if var limits = section.section("limits") {
            if let sessions = limits.value("sessions")?.integer(in: 1...10_000) { server.maximumSessions = sessions }
            limits.finish()
        }
        if var pool = section.section("pool") {
            if let idle = pool.value("idle_timeout")?.duration(in: .seconds(1)...(.seconds(7 * 86_400))) {
                server.idleTimeout = idle
            }
            pool.finish()
        }
        var endpoint = endpoint(at: url)
        if let transport = section.value("transport")?.word(RemoteEndpoint.Transport.self) {
            endpoint?.transport = transport
        }
        if let headers = section.section("headers") {
            // Read also where the address is wrong: everything that is wrong is told at once.
            let fields = fields(headers) { $0.secretText(in: context) }
            endpoint?.fields = fields
        }
        if let authorization = section.section("authorization"), let field = credential(authorization) {
            if endpoint?.fields.contains(where: { $0.name == field.name }) == true {
                context.refuse(authorization.path, line: authorization.line, "headers has \"Authorization\" as well")
            }
            endpoint?.fields.append(field)
        }
        if let forwards = section.value("forward_identity")?.boolean() { endpoint?.forwardsIdentity = forwards }
        if let value = section.value("heartbeat") { endpoint?.heartbeat = interval(value) }
        if let value = section.value("rediscovery") { endpoint?.rediscovery = interval(value) }
        if let tls = section.section("tls") { endpoint?.certificateAuthorities = authorities(tls) }
        if let value = section.value("era"), let era = self.era(value) { server.era = era }
        server.tools = ToolReader().tools(in: section.section("tools"))
        if let pin = section.value("pin")?.word(PinMode.self) { server.pin = pin }
        section.finish(hints: ["type": "did you mean \"transport\"?", "token": "write authorization: {bearer: …}"])
        server.remote = endpoint
        return endpoint == nil ? nil : server
    }

    /// A server of a host's file; values are the text itself there.
    func remote(_ name: String, _ url: ConfigurationValue, _ section: inout ConfigurationSection) -> ServerSettings? {
        var server = ServerSettings(name: name, command: "")
        server.maximumSessions = Self.defaultSessions
        var endpoint = endpoint(at: url)
        for key in ["type", "transport", "transportType"] {
            guard let type = section.value(key), let word = type.string() else { continue }
            guard let transport = RemoteEndpoint.Transport(hostWord: word) else {
                type.refuse("the transport \"\(word)\" is not known", hint: "http or sse")
                return nil
            }
            endpoint?.transport = transport
        }
        if let headers = section.section("headers") { endpoint?.fields = fields(headers) { $0.string() } }
        server.tools.deny = section.value("disabledTools")?.strings() ?? []
        server.remote = endpoint
        return endpoint == nil ? nil : server
    }

    /// A time between two acts; nil where it is `0s`, which stands for never.
    private func interval(_ value: ConfigurationValue) -> Duration? {
        guard let time = value.duration(in: .zero...(.seconds(86_400))), time > .zero else { return nil }
        return max(time, .seconds(1))
    }

    private func endpoint(at value: ConfigurationValue) -> RemoteEndpoint? {
        guard let text = value.nonEmptyString() else { return nil }
        let url: HTTPURL
        do throws(HTTPURLError) {
            // So that the server is there for whoever only names it: ".invalid" is nobody's (RFC 6761 §6.4).
            url = try HTTPURL(value.isOpen ? "https://unset.invalid/" : text)
        } catch {
            let hint =
                error == .userInformation
                ? "write authorization: {username: …, password: …}" : "like https://mcp.example.com/mcp"
            value.refuse("is no address of a server (\(error))", hint: hint)
            return nil
        }
        guard url.fragment == nil else {
            value.refuse("has a fragment, which is never sent")
            return nil
        }
        if url.scheme == .http, !url.host.isLoopback {
            value.note(
                "is not encrypted: who is on the way can read and change everything, these credentials among it",
                hint: "use https where this network is not your own")
        }
        return RemoteEndpoint(url: url)
    }

    /// Header fields of the operator's.
    func fields(
        _ section: ConfigurationSection, _ read: (ConfigurationValue) -> String?
    ) -> [RemoteEndpoint.Field] {
        section.named().compactMap { text, value in
            guard let name = HTTPFieldName(validating: text) else {
                value.refuse("\"\(text)\" is not the name of a header field")
                return nil
            }
            guard !RemoteEndpoint.Field.isReserved(name) else {
                value.refuse("is set by Sallyport itself", hint: "leave it out")
                return nil
            }
            return read(value).flatMap { field(name, $0, value) }
        }
    }

    private func field(
        _ name: HTTPFieldName, _ text: String, _ value: ConfigurationValue
    ) -> RemoteEndpoint.Field? {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else {
            value.refuse("holds a character that cannot be sent in a header field", hint: "visible ASCII and blanks")
            return nil
        }
        return RemoteEndpoint.Field(name, Secret(Array(text.utf8)))
    }

    /// `bearer`, or `username` and `password` (RFC 7617).
    private func credential(_ given: ConfigurationSection) -> RemoteEndpoint.Field? {
        var section = given
        let bearer = section.value("bearer")
        let username = section.value("username")
        let password = section.value("password")
        section.finish()
        if let bearer {
            username?.refuse("there is a bearer token as well", hint: "keep one of them")
            guard let token = bearer.secretText(in: context) else { return nil }
            guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                bearer.refuse("is not a token: it has blanks or other characters that no token has")
                return nil
            }
            return field("Authorization", "Bearer \(token)", bearer)
        }
        guard let username, let password else {
            context.refuse(
                section.path, line: section.line, "names no credential",
                hint: "write {bearer: TOKEN} or {username: NAME, password: PASSWORD}")
            return nil
        }
        guard let name = username.string(), let secret = password.secretText(in: context) else { return nil }
        guard !name.utf8.contains(UInt8(ascii: ":")) else {
            username.refuse("a user name with a colon cannot be sent")
            return nil
        }
        return field("Authorization", "Basic \(Base64.encode(Array("\(name):\(secret)".utf8)))", password)
    }

    private func authorities(_ given: ConfigurationSection) -> String? {
        var section = given
        let value = section.value("ca")
        section.finish()
        guard let value, let name = value.nonEmptyString() else { return nil }
        let path = context.absolutePath(name)
        do throws(FileSystem.Failure) {
            let bytes = try FileSystem.readFile(path, maximum: 4 << 20)
            guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
                value.refuse("\(path) holds no certificate", hint: "a PEM file with the authorities to trust")
                return nil
            }
        } catch {
            value.refuse("cannot read \(path): \(error.reason)")
            return nil
        }
        return path
    }
}

extension RemoteEndpoint.Transport {
    /// As hosts call it; nil for what is none of HTTP.
    init?(hostWord: String) {
        switch hostWord {
        case "http", "https", "streamable-http", "streamable_http", "streamableHttp", "streamableHTTP":
            self = .streamableHTTP
        case "sse": self = .eventChannel
        case "auto": self = .automatic
        default: return nil
        }
    }
}
