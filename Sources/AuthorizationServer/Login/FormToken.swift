import Crypto

/// What ties a form to one browser and one purpose (U02): an HMAC under the secret in the browser's cookie, so another
/// site can neither read nor compute it, and nothing needs to be stored.
enum FormToken {
    /// The token for a form.
    static func make(for purpose: String, browserSecret: String) -> String {
        Base64URL.encode(authenticate(purpose, browserSecret))
    }

    /// Whether a posted token belongs to this browser and purpose.
    static func isValid(_ token: String?, for purpose: String, browserSecret: String) -> Bool {
        guard let token else { return false }
        return ConstantTime.equals(Array(token.utf8), Array(make(for: purpose, browserSecret: browserSecret).utf8))
    }

    private static func authenticate(_ purpose: String, _ secret: String) -> [UInt8] {
        HMACSHA256.authenticate(Array(purpose.utf8), key: Array(secret.utf8))
    }
}
