package import HTTP

/// Why a remote server refused a request for want of a token, or of a better one.
package struct AuthorizationRefusal: Sendable {
    /// 401 or 403.
    package let status: Int
    /// The values of `WWW-Authenticate`.
    package let challenges: [String]
    /// What the request carried as `Authorization`.
    package let presented: String?

    package init(status: Int, challenges: [String], presented: String?) {
        self.status = status
        self.challenges = challenges
        self.presented = presented
    }
}

/// Why there is no token, for the person who waits.
package struct AuthorizationFailure: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Gets and keeps the credential with which a remote server is asked.
package protocol RequestAuthorizer: Sendable {
    /// The value of `Authorization` for the next request; nil for none.
    func authorization() async throws(AuthorizationFailure) -> String?

    /// What every request carries besides.
    func fields() async throws(AuthorizationFailure) -> HTTPFields

    /// The server refused: gets another credential, by refreshing or by asking a person. False where none can be had.
    func renew(after refusal: AuthorizationRefusal) async throws(AuthorizationFailure) -> Bool
}

extension RequestAuthorizer {
    package func fields() -> HTTPFields { HTTPFields() }
}

/// A fixed value, or none.
package struct FixedAuthorization: RequestAuthorizer {
    private let value: String?

    package init(_ value: String?) {
        self.value = value
    }

    package func authorization() -> String? { value }

    package func renew(after refusal: AuthorizationRefusal) -> Bool { false }
}
