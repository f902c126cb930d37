import Foundation

/// An identity provider of somebody else that a test starts beside the gateway.
package final class ProviderProcess {
    package let port: Int
    package let program: RunningProgram
    private let directory: TemporaryDirectory

    package var origin: String { "http://127.0.0.1:\(port)" }

    /// Starts `words` in `directory` and waits until `path` answers.
    package init(
        _ words: [String], port: Int, readyAt path: String, in directory: TemporaryDirectory,
        environment: [String: String] = [:]
    ) async throws {
        self.port = port
        self.directory = directory
        let program = try RunningProgram(
            words[0], Array(words.dropFirst()),
            environment: GatewayProcess.environment(home: directory.path).merging(environment) { $1 },
            in: directory.path, logs: directory, name: "provider")
        self.program = program
        try await eventuallyTrue("the provider; it wrote: \(program.errors)", within: .seconds(60)) {
            if let exit = program.exit {
                throw PlainBrowser.WalkError(description: "the provider ended (\(exit)): \(program.errors)")
            }
            return try await onThread { Self.isReady(port, path) }
        }
    }

    deinit { program.killTree() }

    private static func isReady(_ port: Int, _ path: String) -> Bool {
        // Nobody listens yet, or not ready yet: both are "no".
        guard let answer = try? PlainHTTP.exchange(port: port, "GET", path, timeout: 5) else { return false }
        return answer.status < 500
    }

    /// One request to it.
    package func request(
        _ method: String, _ target: String, _ headers: [String: String] = [:], body: String = ""
    ) async throws -> PlainResponse {
        let port = port
        return try await onThread {
            try PlainHTTP.exchange(
                port: port, method, target, ["Host": "127.0.0.1:\(port)"].merging(headers) { $1 },
                body: Array(body.utf8))
        }
    }

    /// A script of Tests/EndToEndTests/Providers.
    package static func script(_ name: String) -> String {
        Checkout.root + "/Tests/EndToEndTests/Providers/\(name)"
    }
}

extension OAuthWalk {
    /// From a registered client to what our callback answered, by way of the provider `id`: `signIn` does what the user's
    /// browser does there, and returns the address that it was sent back to.
    package func answer(
        client: String, via id: String, signIn: (String) throws -> String
    ) throws -> PlainResponse {
        let browser = PlainBrowser(port: port, host: host)
        var page = try browser.send("GET", authorizationURL(client: client))
        while let location = page.header("location") { page = try browser.send("GET", location) }
        let form = PageForm.all(in: page.text).first { form in
            form.action == "/login/\(id)" && form.fields.contains { $0.name == "decision" && $0.value == "allow" }
        }
        guard let form else { throw PlainBrowser.WalkError(description: "no way to \(id): \(page.text.prefix(2000))") }
        let away = try browser.submit(form, on: "/login", pressing: form.buttons.first)
        guard let location = away.header("location") else {
            throw PlainBrowser.WalkError(description: "/login/\(id): \(away.status) \(away.text.prefix(2000))")
        }
        return try browser.send("GET", signIn(location))
    }

    /// The same, up to a pair of tokens.
    package func tokens(
        client: String, via id: String, signIn: (String) throws -> String
    ) throws -> TokenPair {
        let answer = try answer(client: client, via: id, signIn: signIn)
        guard let location = answer.header("location"), let code = FormEncoding.query(of: location)["code"] else {
            throw PlainBrowser.WalkError(
                description: "callback: \(answer.status) \(answer.header("location") ?? "") \(answer.text.suffix(900))")
        }
        return try Self.pair(in: redeem(code: code, client: client))
    }
}
