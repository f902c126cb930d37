/// Where a user proves who they are.
struct LoginPage {
    /// For which client, when it is part of an authorization request.
    var clientName: String?
    /// Carried by the form: the transaction's handle, when there is one.
    var transaction: String?
    /// Ties the form to this browser and transaction.
    let formToken: String
    /// What was typed before.
    var name = ""
    /// What went wrong with the last attempt.
    var problem: String?
    /// Where the redirects after the form's POST may end.
    var formTargets: [String] = []

    var page: Page {
        Page(title: "Sign in", content: content, formTargets: formTargets)
    }

    private var content: HTML {
        """
        <h1>Sign in</h1>
        <p class="lead">\(lead)</p>
        \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? HTML.empty)
        <form method="post" action="/login">
        \(transaction.map { "<input type=\"hidden\" name=\"transaction\" value=\"\($0)\">" } ?? HTML.empty)
        <input type="hidden" name="form_token" value="\(formToken)">
        <label for="username">User name</label>
        <input type="text" id="username" name="username" value="\(name)" autocomplete="username" autocapitalize="none" \
        spellcheck="false" maxlength="64" required\(name.isEmpty ? " autofocus" : HTML.empty)>
        <label for="password">Password</label>
        <input type="password" id="password" name="password" autocomplete="current-password" maxlength="1024" \
        required\(name.isEmpty ? HTML.empty : " autofocus")>
        <button type="submit">Sign in</button>
        </form>
        """
    }

    private var lead: HTML {
        guard let clientName else { return "Use your account on this server." }
        return "<strong>\(clientName)</strong> asks for access. First, show who you are."
    }
}
