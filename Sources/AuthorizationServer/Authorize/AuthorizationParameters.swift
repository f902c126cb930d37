import HTTP
import OAuth

/// The parameters of an authorization request as they arrived: GET query or POST form, never both mixed (A10).
struct AuthorizationParameters {
    /// Read before a client is proven: their repetition is shown, never redirected.
    static let identifying = ["client_id", "redirect_uri"]
    /// Repeated ones of these are an error that may be redirected. `resource` may repeat (RFC 8707 §2).
    static let singular = [
        "response_type", "scope", "state", "code_challenge", "code_challenge_method", "response_mode", "prompt",
        "request", "nonce", "dpop_jkt",
    ]

    let form: FormParameters

    /// One value, or `nil` when it is absent, empty or repeated.
    func first(_ name: String) -> String? {
        let values = form.values(name)
        guard values.count == 1, let value = values.first, !value.isEmpty else { return nil }
        return value
    }

    /// Whether a parameter is there more than once.
    func isRepeated(_ name: String) -> Bool {
        form.values(name).count > 1
    }

    /// Every value that is not empty.
    func all(_ name: String) -> [String] {
        form.values(name).filter { !$0.isEmpty }
    }
}
