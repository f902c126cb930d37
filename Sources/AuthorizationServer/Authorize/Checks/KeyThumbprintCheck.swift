import Crypto
import OAuth

/// RFC 9449 §10: `dpop_jkt` binds the code to a key; it is a SHA-256 thumbprint in base64url.
struct KeyThumbprintCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard let thumbprint = draft.parameters.first("dpop_jkt") else { return }
        guard Base64URL.decode(Array(thumbprint.utf8))?.count == 32 else {
            throw OAuthError(.invalidRequest, "dpop_jkt is not the base64url form of a SHA-256 digest")
        }
        draft.keyThumbprint = thumbprint
    }
}
