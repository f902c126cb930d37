import Crypto
package import HTTP

/// A page of ours: server-rendered, no script, nothing loaded, nothing framed.
package struct Page: Sendable {
    /// Shown in the tab.
    package let title: String
    /// What stands in the card.
    package let content: HTML
    /// Where its forms may lead besides ourselves. Chromium applies `form-action` to the redirects after a form's POST,
    /// so a page whose POST ends at a client names that client's origin or scheme here.
    package var formTargets: [String]

    package init(title: String, content: HTML, formTargets: [String] = []) {
        self.title = title
        self.content = content
        self.formTargets = formTargets
    }

    /// The page as a response with the headers that U01 and A18 ask for.
    package func response(_ status: HTTPStatus, cookies: [String] = []) -> HTTPResponse {
        let nonce = Base64URL.encode(Random.bytes(16))
        var fields = HTTPFields()
        fields.append("Content-Type", "text/html; charset=utf-8")
        fields.append("Content-Security-Policy", policy(nonce: nonce))
        fields.append("X-Frame-Options", "DENY")
        fields.append("Cross-Origin-Opener-Policy", "same-origin")
        fields.append("Cross-Origin-Resource-Policy", "same-origin")
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("Referrer-Policy", "no-referrer")
        fields.append("Cache-Control", "no-store")
        for cookie in cookies { fields.append("Set-Cookie", cookie) }
        return HTTPResponse(status: status, fields: fields, body: .bytes(Array(document(nonce: nonce).markup.utf8)))
    }

    private func policy(nonce: String) -> String {
        let targets = (["'self'"] + formTargets).joined(separator: " ")
        return "default-src 'none'; style-src 'nonce-\(nonce)'; form-action \(targets); frame-ancestors 'none'; "
            + "base-uri 'none'"
    }

    // The meta element narrows the header for this document only: under `no-referrer` browsers send `Origin: null` with
    // our own forms, and then a forged post could not be told from a real one. No other site is told anything.
    private func document(nonce: String) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="same-origin">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <title>\(title) · Sallyport</title>
        <style nonce="\(nonce)">\(Stylesheet.css)</style>
        </head>
        <body>
        <main>
        <p class="mark" aria-hidden="true"><span></span>Sallyport</p>
        \(content)
        </main>
        </body>
        </html>
        """
    }
}
