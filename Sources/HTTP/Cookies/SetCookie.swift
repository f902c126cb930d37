/// The value of a `Set-Cookie` field, RFC 6265 §4.1. Always `HttpOnly`.
package struct SetCookie: Sendable, Hashable {
    /// When the browser sends the cookie with requests that other sites cause.
    package enum SameSite: String, Sendable {
        case strict = "Strict"
        case lax = "Lax"
    }

    /// A token.
    package let name: String
    /// Cookie octets.
    package let value: String
    /// The paths for which the browser sends it.
    package var path = "/"
    /// `Lax` unless set otherwise.
    package var sameSite = SameSite.lax
    /// Whether it travels by https only.
    package var isSecure = true
    /// Seconds to live: nil until the browser closes, 0 removes the cookie.
    package var maximumAge: Int64?

    /// Nil when the name is no token or the value has characters that no cookie may have.
    package init?(name: String, value: String) {
        guard !name.utf8.isEmpty, name.utf8.allSatisfy(ByteClass.isToken),
            value.utf8.allSatisfy(CookieParser.isCookieOctet)
        else { return nil }
        self.name = name
        self.value = value
    }

    /// The text of the field.
    package var text: String {
        var text = "\(name)=\(value); Path=\(path); HttpOnly; SameSite=\(sameSite.rawValue)"
        if isSecure { text += "; Secure" }
        if let maximumAge { text += "; Max-Age=\(maximumAge)" }
        return text
    }
}
