import Crypto

/// A bearer token as a request presents it, with the digest under which verifiers remember what they found out about it.
///
/// A request that repeats the head of the one before presents the same token: its digest is then known. What it is worth is
/// asked anew each time (T09).
package final class PresentedToken: Sendable {
    package let text: String
    /// SHA-256 of the whole token.
    let digest: Digest

    package init(_ text: String) {
        self.text = text
        digest = SHA256.digest(text.utf8.span)
    }
}
