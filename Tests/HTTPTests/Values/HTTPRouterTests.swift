import Testing

@testable import HTTP

@Suite struct HTTPRouterTests {
    private static func name(_ name: String) -> HTTPHandler {
        HTTPHandler { request, _ in
            let parameters = ["server", "path", "id"].compactMap { request.parameters[$0] }
            return .text(.ok, ([name] + parameters).joined(separator: " "))
        }
    }

    private static let router: HTTPRouter = {
        var router = HTTPRouter()
        router.on(.get, "/health", name("health"))
        router.on(.get, "/{server}/mcp", name("stream"))
        router.on(.post, "/{server}/mcp", name("call"))
        router.on(.get, "/demo/mcp", name("demo"))
        router.on(.get, "/.well-known/x", name("well-known"))
        router.on(.get, "/.well-known/x/{path...}", name("positioned"))
        router.on(.delete, "/register/{id}", name("unregister"))
        return router
    }()

    private func ask(_ method: HTTPMethod, _ path: String) async -> (Int, String, String?) {
        let response = await Self.router.respond(to: HTTPRequest(method: method, path: path), body: HTTPRequestBody())
        guard case .bytes(let bytes) = response.body else { return (response.status.code, "", nil) }
        return (response.status.code, String(decoding: bytes.dropLast(), as: UTF8.self), response.fields["allow"])
    }

    @Test(
        "paths reach their responder",
        arguments: [
            (HTTPMethod.get, "/health", "health"), (.head, "/health", "health"), (.get, "/demo/mcp", "demo"),
            (.get, "/time/mcp", "stream time"), (.post, "/time/mcp", "call time"),
            (.get, "/.well-known/x", "well-known"),
            (.get, "/.well-known/x/a/b", "positioned a/b"), (.delete, "/register/7", "unregister 7"),
        ])
    func found(_ method: HTTPMethod, _ path: String, _ text: String) async {
        #expect(await ask(method, path).1 == text)
    }

    @Test(
        "R06: only the exact path matches",
        arguments: [
            "/", "/healthz", "/health/", "/Health", "/mcp", "/time/mcp/", "/time/mcp/x", "/time/mcpx", "/a/b/mcp",
            "/time/", "/time",
            "/.well-known/x/", "/.well-known/xy", "/register/", "/register", "*",
        ])
    func unknown(_ path: String) async {
        #expect(await ask(.get, path).0 == 404)
    }

    @Test("other methods are 405 and told which ones there are")
    func notAllowed() async {
        let answer = await ask(.put, "/time/mcp")
        #expect(answer.0 == 405)
        #expect(answer.2 == "GET, HEAD, POST")
        // A literal path wins with all its methods: what it does not take is not looked up elsewhere.
        #expect(await ask(.post, "/demo/mcp").0 == 405)
    }
}
