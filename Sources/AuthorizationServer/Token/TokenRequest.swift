import HTTP
import OAuth

/// A request of a program to `/token` or another endpoint of its own, parsed once: a form, each parameter at most once, credentials in the
/// header or the body (OAuth 2.1 §3.2). The query is not looked at: a secret there is no secret (A09).
struct TokenRequest {
    private static let maximumBytes = 64 * 1024

    /// The request's head.
    let head: HTTPRequest
    /// Credentials from `Authorization: Basic`.
    let basic: BasicCredentials?
    /// Every parameter, as it came.
    let form: FormParameters

    /// Parses the request.
    static func parse(_ request: HTTPRequest, _ body: HTTPRequestBody) async throws -> TokenRequest {
        guard FormBody.isForm(request) else {
            throw OAuthError(.invalidRequest, "the body must be application/x-www-form-urlencoded")
        }
        let form = try await read(body)
        // RFC 8707 §2: only `resource` may repeat. Unknown parameters are ignored, repeated known ones are not (A10).
        for name in known where form.values(name).count > 1 {
            throw OAuthError(.invalidRequest, "\(name) is there more than once")
        }
        return TokenRequest(head: request, basic: try BasicCredentials.find(in: request.fields), form: form)
    }

    private static let known = [
        "grant_type", "code", "redirect_uri", "client_id", "client_secret", "code_verifier", "refresh_token", "scope",
        "token", "token_type_hint", "client_assertion", "client_assertion_type", "assertion", "device_code",
    ]

    private static func read(_ body: HTTPRequestBody) async throws -> FormParameters {
        do {
            return try FormParameters(parsing: try await body.collect(upTo: maximumBytes))
        } catch HTTPBodyError.tooLarge {
            throw FormTooLarge()
        } catch {
            throw OAuthError(.invalidRequest, "the body cannot be read")
        }
    }

    /// The parameter; empty is absent.
    subscript(name: String) -> String? {
        form.values(name).first.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The parameter, or `invalid_request` when it is absent.
    func required(_ name: String) throws(OAuthError) -> String {
        guard let value = self[name] else { throw OAuthError(.invalidRequest, "\(name) is missing") }
        return value
    }

    /// Every `resource` (RFC 8707 §2.2).
    var resources: [String] { form.values("resource").filter { !$0.isEmpty } }
}
