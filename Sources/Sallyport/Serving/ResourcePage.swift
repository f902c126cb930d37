import AuthorizationServer
import HTTP

/// What a person sees who opens the address of an MCP server in a browser: what happened, and the way forward. A session of
/// the browser would open nothing there, because what such a server answers is for programs that bring tokens.
struct ResourcePage {
    /// Whether people sign in here, and not only at other authorization servers.
    let hasLogin: Bool

    /// The page, as an answer of `/verify`: 401, which every proxy passes on or turns into its own.
    func response(name: String?, origin: String) -> HTTPResponse {
        let title = name.map { "\($0) is an MCP server" } ?? "An MCP server"
        let wayIn = hasLogin ? [link(origin)] : []
        let content: HTML = """
            <h1>\(title)</h1>
            <p class="lead">Your browser brought no access token, and the answers at this address are for programs.</p>
            <p>Give the address to an MCP client: it will send you to sign in, and ask what it may do.</p>
            \(wayIn)
            """
        return Page(title: title, content: content).response(.unauthorized)
    }

    // Whoever is signed in already is led on to the account.
    private func link(_ origin: String) -> HTML {
        """
        <p><a class="button" href="\(origin)/login" rel="noreferrer">Sign in</a></p>
        <p class="small">There you see which clients you have allowed, and can take it back.</p>
        """
    }
}
