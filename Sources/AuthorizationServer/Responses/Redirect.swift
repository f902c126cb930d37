import HTTP

/// 303: the browser goes on with GET and takes no form field along (A18; RFC 9700 §4.12).
enum Redirect {
    /// A redirect with the headers of every hop.
    static func to(_ location: String, cookies: [String] = []) -> HTTPResponse {
        var fields = HTTPFields()
        fields.append("Location", location)
        fields.append("Referrer-Policy", "no-referrer")
        fields.append("Cache-Control", "no-store")
        for cookie in cookies { fields.append("Set-Cookie", cookie) }
        return HTTPResponse(status: .seeOther, fields: fields, body: .none)
    }
}
