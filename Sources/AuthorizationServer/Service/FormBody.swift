import HTTP
import OAuth

/// Recognises `application/x-www-form-urlencoded` bodies.
enum FormBody {
    /// Whether the request says that its body is a form.
    static func isForm(_ request: HTTPRequest) -> Bool {
        let values = request.fields.values("content-type")
        guard values.count == 1, let value = values.first else { return false }
        let type = value.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        return String(decoding: type, as: UTF8.self).lowercased() == "application/x-www-form-urlencoded"
    }
}

/// A form of a program that is larger than anything that it could mean (H07).
struct FormTooLarge: Error {
    /// 413 (RFC 9126 §2.3).
    var response: HTTPResponse {
        let error = OAuthError(.invalidRequest, "the body is too large")
        return JSONAnswer.make(.contentTooLarge, bytes: error.json(), cacheControl: "no-store")
    }
}
