import HTTP
import JSON
import OAuth

/// JSON answers of the endpoints that programs call. They are open to every origin: they carry no cookie and change
/// nothing without a credential in the request itself.
enum JSONAnswer {
    /// An answer that nobody may keep.
    static func make(_ status: HTTPStatus, _ value: JSONValue) -> HTTPResponse {
        make(status, bytes: value.serialized(), cacheControl: "no-store")
    }

    /// An answer from bytes.
    static func make(_ status: HTTPStatus, bytes: [UInt8], cacheControl: String) -> HTTPResponse {
        var fields = HTTPFields()
        fields.append("Content-Type", "application/json")
        fields.append("Cache-Control", cacheControl)
        fields.append("X-Content-Type-Options", "nosniff")
        fields.append("Referrer-Policy", "no-referrer")
        CORS.allowAnyOrigin(&fields)
        return HTTPResponse(status: status, fields: fields, body: .bytes(bytes))
    }

    /// RFC 6749 §5.2: an error of `/token`, `/revoke` or `/register`.
    static func make(_ error: OAuthError) -> HTTPResponse {
        make(HTTPStatus(error.statusCode), bytes: error.json(), cacheControl: "no-store")
    }
}

/// Cross-origin reading by browser-based clients. Never on `/authorize` or a page (A18).
enum CORS {
    /// Lets every origin read the answer; without credentials, so no cookie is involved.
    static func allowAnyOrigin(_ fields: inout HTTPFields) {
        fields.append("Access-Control-Allow-Origin", "*")
    }

    /// Answers a preflight.
    static func preflight(methods: String) -> HTTPResponse {
        var fields = HTTPFields()
        allowAnyOrigin(&fields)
        fields.append("Access-Control-Allow-Methods", methods)
        fields.append("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, Mcp-Protocol-Version")
        fields.append("Access-Control-Max-Age", "600")
        return HTTPResponse(status: .noContent, fields: fields, body: .none)
    }
}
