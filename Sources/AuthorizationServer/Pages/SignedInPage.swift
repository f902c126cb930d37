/// Where a signed-in user lands without an authorization request, and signs out.
struct SignedInPage {
    /// Who is signed in.
    let userName: String
    /// Ties the form to this session.
    let formToken: String

    var page: Page {
        Page(
            title: "Signed in",
            content: """
                <h1>You are signed in</h1>
                <p class="lead">as <strong>\(userName)</strong>. Connect an application to this server and it will \
                ask you here what it may do.</p>
                <form method="post" action="/logout">
                <input type="hidden" name="form_token" value="\(formToken)">
                <button type="submit" class="quiet">Sign out</button>
                </form>
                """)
    }
}
