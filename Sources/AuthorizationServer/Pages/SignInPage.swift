/// The buttons with which a user signs in, one for each way.
struct SignInForm {
    /// One way.
    struct Choice {
        /// The last part of the form's action.
        let id: String
        /// `with GitHub`.
        let title: String
    }

    /// The ways, in the order of the configuration.
    let choices: [Choice]
    /// The page with the password form, when there are local accounts.
    let localLink: String?
    /// Ties the forms to this browser and transaction.
    let formToken: String
    /// The transaction's handle, when there is one.
    let transaction: String?

    /// The buttons; `verb` is what each of them does.
    func buttons(_ verb: String) -> HTML {
        let buttons: [HTML] = choices.enumerated().map { position, choice in
            form(
                choice.id, decision: "allow", label: "\(verb) \(choice.title)",
                style: position == 0 ? "primary" : "quiet")
        }
        return "<div class=\"actions\">\(buttons)</div>"
    }

    /// Deny, for an authorization request.
    var denial: HTML {
        guard let first = choices.first else { return .empty }
        return "<div class=\"actions\">\(form(first.id, decision: "deny", label: "Deny", style: "quiet"))</div>"
    }

    /// The way with a password.
    var localChoice: HTML {
        guard let localLink else { return .empty }
        return "<p class=\"small\"><a href=\"\(localLink)\">Use an account of this server instead</a></p>"
    }

    private func form(_ id: String, decision: String, label: String, style: String) -> HTML {
        """
        <form method="post" action="/login/\(id)">
        \(transaction.map { "<input type=\"hidden\" name=\"transaction\" value=\"\($0)\">" } ?? HTML.empty)
        <input type="hidden" name="form_token" value="\(formToken)">
        <input type="hidden" name="decision" value="\(decision)">
        <button type="submit" class="\(style)">\(label)</button>
        </form>
        """
    }
}

/// Where a user chooses how to sign in, without an authorization request.
struct SignInPage {
    /// The ways.
    let form: SignInForm
    /// What went wrong with the last attempt.
    var problem: String?
    /// Where the redirects after the form's POST may lead.
    var formTargets: [String] = []

    var page: Page {
        Page(
            title: "Sign in",
            content: """
                <h1>Sign in</h1>
                <p class="lead">Choose how you show who you are.</p>
                \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? HTML.empty)
                \(form.buttons("Sign in"))
                \(form.localChoice)
                """,
            formTargets: formTargets)
    }
}
