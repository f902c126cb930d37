package import JSON

/// What an OpenID provider says about a user: its signed ID token first, then its userinfo answer.
package struct LoginClaims: Sendable {
    /// `sub`.
    package let subject: String
    private let signed: JSONNode?
    private let asked: JSONNode?

    /// Claims of one user; both documents have been checked to be of `subject`.
    init(subject: String, signed: JSONNode?, asked: JSONNode?) {
        self.subject = subject
        self.signed = signed
        self.asked = asked
    }

    /// A claim; what was signed wins.
    package subscript(name: String) -> JSONNode? { signed?[name] ?? asked?[name] }
}
