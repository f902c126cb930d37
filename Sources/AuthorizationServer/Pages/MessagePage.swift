import HTTP

/// A page that says what happened and the way forward: every refusal that does not go to a client ends here.
struct MessagePage: Sendable {
    /// What happened, in a few words.
    let title: String
    /// What it means.
    let explanation: String
    /// What to do now.
    let wayForward: String
    /// A link onwards.
    var link: (label: String, target: String)?

    /// The page.
    var page: Page {
        Page(
            title: title,
            content: """
                <h1>\(title)</h1>
                <p class="lead">\(explanation)</p>
                <p>\(wayForward)</p>
                \(link.map { "<p><a class=\"button quiet\" href=\"\($0.target)\" rel=\"noreferrer\">\($0.label)</a></p>" }
                    ?? HTML.empty)
                """)
    }
}
