import OAuth

/// What a request shows to prove its client: read, and not yet believed.
struct ClientCredential {
    /// The kinds of proof.
    enum Proof {
        /// A public client names itself.
        case none
        /// In the header or in the body.
        case secret(PresentedSecret)
        /// RFC 7523 §2.2.
        case assertion(ClientAssertion)
    }

    /// Who is named.
    let client: ClientID
    let proof: Proof

    /// Reads it; two ways at once, or two names, are `invalid_request` (A09).
    init(_ request: TokenRequest) throws(OAuthError) {
        let secret = request["client_secret"]
        let assertion = try ClientCredential.assertion(request)
        guard [request.basic != nil, secret != nil, assertion != nil].filter({ $0 }).count <= 1 else {
            throw OAuthError(.invalidRequest, "more than one way of client authentication")
        }
        let claimed = request.basic?.client ?? assertion?.client
        let named = request["client_id"].map { ClientID($0) }
        if let named, let claimed, named != claimed {
            throw OAuthError(.invalidRequest, "two different clients are named")
        }
        guard let client = claimed ?? named else { throw OAuthError(.invalidClient, "client_id is missing") }
        self.client = client
        if let assertion {
            proof = .assertion(assertion)
        } else {
            proof = (request.basic?.secret ?? secret.map { PresentedSecret($0) }).map { .secret($0) } ?? .none
        }
    }

    private static func assertion(_ request: TokenRequest) throws(OAuthError) -> ClientAssertion? {
        let type = request["client_assertion_type"]
        guard let text = request["client_assertion"] else {
            guard type == nil else { throw OAuthError(.invalidRequest, "client_assertion is missing") }
            return nil
        }
        guard let type, type.utf8.elementsEqual(ClientAssertion.type.utf8) else {
            throw OAuthError(.invalidClient, "client_assertion_type must be \(ClientAssertion.type)")
        }
        do {
            return try ClientAssertion(text)
        } catch {
            throw OAuthError(.invalidClient, "the client assertion cannot be read", detail: "\(error)")
        }
    }
}
