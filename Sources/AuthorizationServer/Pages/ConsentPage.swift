import OAuth

/// Where a user decides what a client may do. It shows what row U04 lists: name, client, redirect host, permissions,
/// servers and lifetime.
struct ConsentPage {
    /// What the client calls itself, cleaned.
    let clientName: String
    /// The host of a client identifier that is a URL; otherwise `nil`, and the client registered itself.
    let clientHost: String?
    /// The client identifier.
    let client: ClientID
    /// Where the answer goes, as a person reads it.
    let redirectHost: String
    /// The answer goes to a program on the user's own machine.
    let isLocal: Bool
    /// The code that a device shows, when one asks; then there is no redirect.
    var deviceCode: String?
    /// Documents of the client for its users, as it registered them: a name and an http or https address each.
    var documents: [(name: String, address: String)] = []
    /// Who is signed in; nil when the decision comes before the login.
    let userName: String?
    /// The servers that the client may use.
    let servers: [(name: String, resource: String)]
    /// The permissions.
    let scope: Scope
    /// How long the access lasts without being asked again, in words.
    let lifetime: String
    /// The transaction's handle.
    let transaction: String
    /// Ties the form to this browser and transaction.
    let formToken: String
    /// Where the redirects after the form's POST lead.
    var formTargets: [String]
    /// The ways to sign in, when the decision comes before the login.
    var signIn: SignInForm?
    /// What went wrong with the last attempt to sign in.
    var problem: String?

    var page: Page {
        Page(title: "Allow access?", content: content, formTargets: formTargets)
    }

    private var content: HTML {
        """
        <h1>Allow \(clientName) to use your tools?</h1>
        <p class="lead">It will act in your name, with what is listed here, until you take it back.</p>
        <dl>
        <div><dt>Application</dt><dd>\(application)</dd></div>
        <div><dt>Answer goes to</dt><dd><strong>\(destination)</strong></dd></div>
        <div><dt>Servers</dt><dd><ul>\(servers.map(item(_:)))</ul></dd></div>
        <div><dt>Permissions</dt><dd>\(permissions)</dd></div>
        <div><dt>Lasts</dt><dd>\(lifetime)</dd></div>
        \(documents.isEmpty ? HTML.empty : "<div><dt>It asks you to read</dt><dd>\(documents.map(link(_:)))</dd></div>")
        \(userName.map { "<div><dt>Signed in as</dt><dd>\($0)</dd></div>" } ?? HTML.empty)
        </dl>
        \(warning)
        \(decision)
        """
    }

    // Before the login, allowing and going to sign in are one button: the provider may send the user straight back (U04).
    private var decision: HTML {
        guard let signIn else {
            return """
                <div class="actions">
                \(form(decision: "allow", label: "Allow", class: "primary"))
                \(form(decision: "deny", label: "Deny", class: "quiet"))
                </div>
                """
        }
        return """
            \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? HTML.empty)
            \(signIn.buttons("Allow and sign in"))
            \(signIn.denial)
            \(signIn.localChoice)
            """
    }

    private var application: HTML {
        if let clientHost {
            return "<strong>\(clientName)</strong><br><span class=\"small\">published by \(clientHost)</span>"
        }
        return """
            <strong>\(clientName)</strong><br><span class="small">registered itself, so nobody has checked this name \
            (<code>\(client.value)</code>)</span>
            """
    }

    private var permissions: HTML {
        if scope.tokens.isEmpty { return "Everything that these servers offer" }
        let items: [HTML] = scope.tokens.map { "<li><code>\($0)</code></li>" }
        return "<ul>\(items)</ul>"
    }

    private var destination: String { deviceCode.map { "the device that shows \($0)" } ?? redirectHost }

    private var warning: HTML {
        if let deviceCode { return deviceWarning(deviceCode) }
        return isLocal ? localWarning : HTML.empty
    }

    private func deviceWarning(_ code: String) -> HTML {
        """
        <p class="note"><strong>Look at the device.</strong> Allow this only if it is in front of you, you have just started \
        the sign-in there yourself, and it shows <code>\(code)</code>. Whoever sent you a link or a code would be signed in \
        with your account.</p>
        """
    }

    private var localWarning: HTML {
        """
        <p class="note">The answer goes to a program on your own computer. Allow this only if you have just started the \
        sign-in there yourself.</p>
        """
    }

    // The address is the client's word, so the host is shown beside it, and the page that follows learns nothing.
    private func link(_ document: (name: String, address: String)) -> HTML {
        """
        <a href="\(document.address)" target="_blank" rel="noopener noreferrer nofollow">\(document.name)</a> \
        <span class="small">\(DisplayText.clean(AbsoluteURI(document.address)?.host ?? "", limit: 253))</span><br>
        """
    }

    private func item(_ server: (name: String, resource: String)) -> HTML {
        "<li>\(server.name) <span class=\"small\">\(server.resource)</span></li>"
    }

    private func form(decision: String, label: String, class style: String) -> HTML {
        """
        <form method="post" action="/consent">
        <input type="hidden" name="transaction" value="\(transaction)">
        <input type="hidden" name="form_token" value="\(formToken)">
        <input type="hidden" name="decision" value="\(decision)">
        <button type="submit" class="\(style)">\(label)</button>
        </form>
        """
    }
}
