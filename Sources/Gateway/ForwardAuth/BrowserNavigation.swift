import HTTP

/// Tells a person at the address bar from a program (Fetch Metadata; RFC 9110 §12.5.1).
enum BrowserNavigation {
    /// Whether somebody looks at the address: then a page says more than a challenge.
    static func isOne(_ request: HTTPRequest) -> Bool {
        guard ["GET", "HEAD"].contains(request.forwarded?.method ?? request.method.rawValue) else { return false }
        if let mode = request.fields["sec-fetch-mode"], mode != "navigate" { return false }
        return request.fields.list("accept").contains { member in
            member.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }.elementsEqual("text/html".utf8)
        }
    }
}
