import AuthorizationServer
import HTTP

/// `/`: what this is, which servers there are, and how to connect.
struct FrontPage: HTTPResponder {
    let servers: [ServedAddress]
    let hosts: HostPolicy
    /// Whether a login stands before the servers.
    let isProtected: Bool

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        let origin: ServerOrigin
        do throws(HostRefusal) {
            origin = try hosts.origin(of: request)
        } catch {
            return error.response
        }
        return Page(title: "MCP servers", content: content(origin)).response(.ok)
    }

    private func content(_ origin: ServerOrigin) -> HTML {
        let entries: [HTML] = servers.map { server in
            "<div><dt>\(server.name)</dt><dd><code>\(server.url(at: origin.description))</code></dd></div>"
        }
        return """
            <h1>\(isProtected ? "MCP servers behind a login" : "An MCP server over HTTP")</h1>
            <p class="lead">\(lead) Give an MCP client one of these addresses:</p>
            <dl>\(entries)</dl>
            <h2>Claude Code</h2>
            <p><code>\(claude(origin))</code></p>
            <h2>Everything else</h2>
            <p class="small">VS Code, Cursor, Gemini CLI and MCP Inspector take the address as a Streamable HTTP server.\
            \(isProtected ? account : HTML(stringLiteral: ""))</p>
            """
    }

    private var lead: String {
        isProtected
            ? "Sallyport lets signed-in people use the servers below; a client asks for the login by itself."
            : "This bridge passes calls on without any login."
    }

    private let account: HTML = " <a href=\"/account\">Your account</a>"

    private func claude(_ origin: ServerOrigin) -> String {
        guard let first = servers.first else { return "claude mcp add --transport http NAME URL" }
        return "claude mcp add --transport http \(first.name) \(first.url(at: origin.description))"
    }
}
