import HTTP
import OAuth

/// Shows a code that the user carries over by hand: the answer to a client without an address (`allow_out_of_band`).
struct OutOfBandPage {
    /// What the client calls itself, cleaned.
    let clientName: String
    let code: String

    var page: Page {
        Page(
            title: "Copy this code",
            content: """
                <h1>Copy this code</h1>
                <p class="lead">\(clientName) is waiting for it. It works once, for a minute.</p>
                <p><code id="code">\(code)</code></p>
                <p class="note">Give it to nobody and paste it nowhere but into the program in which you have just started \
                this sign-in.</p>
                """)
    }

    /// Nothing was allowed, and nobody but the user can be told.
    static func refusal(_ error: OAuthError, clientName: String) -> MessagePage {
        MessagePage(
            title: "There is no code", explanation: "\(clientName) does not get access: \(error.description).",
            wayForward: "You can close this page. To try again, start anew in the program.")
    }
}
