/// Where a person types the code that a device shows.
struct DevicePage {
    /// Ties the form to this browser.
    let formToken: String
    /// What was typed, or came with the link.
    let code: String
    /// The last attempt found nothing.
    let isWrong: Bool

    var page: Page { Page(title: "Sign in on a device", content: content) }

    private var content: HTML {
        """
        <h1>Sign in on a device</h1>
        <p class="lead">Type the code that your terminal or device shows.</p>
        \(isWrong ? problem : HTML.empty)
        <form method="post" action="/device">
        <input type="hidden" name="form_token" value="\(formToken)">
        <label for="user_code">Code</label>
        <input type="text" id="user_code" name="user_code" value="\(code)" placeholder="XXXX-XXXX" autocomplete="off" \
        autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus>
        <button type="submit">Continue</button>
        </form>
        <p class="note"><strong>Did somebody send you here?</strong> Go on only if you have started this sign-in yourself, \
        a moment ago, on a device of your own. A code from a message, a call or a web page signs somebody else in with \
        your account.</p>
        """
    }

    private var problem: HTML {
        """
        <p class="problem" role="alert">No sign-in waits for this code: it was used, it is older than ten minutes, or it is \
        another one.</p>
        """
    }
}
