import AuthorizationServer
import HTTP

/// What a person sees who opens the address of an MCP server in a browser. There is nothing to log in for: what such a
/// server answers is read by programs, and each of them asks for its own login.
enum ResourcePage {
    /// The page, as an answer of `/verify`: 401, which every proxy passes on or turns into its own.
    static func response(name: String?, origin: String) -> HTTPResponse {
        let title = name.map { "\($0) is an MCP server" } ?? "An MCP server"
        let content: HTML = """
            <h1>\(title)</h1>
            <p class="lead">This address is for programs, not for browsers. Give it to an MCP client: it will send you here \
            to sign in and ask what it may do.</p>
            <p><a class="button quiet" href="\(origin)/account" rel="noreferrer">Your account</a></p>
            """
        return Page(title: title, content: content).response(.unauthorized)
    }
}
