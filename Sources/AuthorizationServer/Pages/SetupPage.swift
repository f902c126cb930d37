/// Where a user sets their password with a one-time link.
struct SetupPage {
    /// The account's login name.
    let name: String
    /// The secret of the link; whoever has it may set the password, once.
    let link: String
    /// What went wrong with the last attempt.
    var problem: String?

    var page: Page {
        Page(title: "Set your password", content: content)
    }

    private var content: HTML {
        """
        <h1>Set your password</h1>
        <p class="lead">This link works once. Your user name is <strong>\(name)</strong>.</p>
        \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? HTML.empty)
        <form method="post" action="/setup">
        <input type="hidden" name="link" value="\(link)">
        <input type="hidden" name="username" value="\(name)" autocomplete="username">
        <label for="password">New password, at least \(String(PasswordRule.minimumLength)) characters</label>
        <input type="password" id="password" name="password" autocomplete="new-password" \
        minlength="\(String(PasswordRule.minimumLength))" maxlength="1024" required autofocus>
        <label for="repeated">The same again</label>
        <input type="password" id="repeated" name="repeated" autocomplete="new-password" maxlength="1024" required>
        <button type="submit">Set password</button>
        </form>
        """
    }
}
