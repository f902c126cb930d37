import AsyncIO
import HTTP
import OAuth

/// A client together with a redirect URI that it registered: only this can build a redirect to a client.
///
/// There is one way to get one, `ProvenRedirect.prove`, and one to read one back from a stored transaction.
struct ProvenRedirect {
    /// The client.
    let client: RegisteredClient
    /// The redirect URI of the request, byte for byte.
    let uri: RedirectURI
    /// `state` of the request, when it was there exactly once.
    let state: String?
    /// Our identifier as this client knows it (RFC 9207).
    let issuer: String

    private init(client: RegisteredClient, uri: RedirectURI, state: String?, issuer: String) {
        self.client = client
        self.uri = uri
        self.state = state
        self.issuer = issuer
    }

    /// Proves client and redirect URI; until here a refusal is shown to the user and sent nowhere.
    static func prove(
        _ parameters: AuthorizationParameters, issuer: String, among clients: ClientDirectory,
        for address: SocketAddress? = nil, isForbidden: (RedirectURI) -> Bool
    ) async throws -> ProvenRedirect {
        for name in AuthorizationParameters.identifying where parameters.isRepeated(name) {
            throw AuthorizationRefusal.repeatedParameter(name)
        }
        guard let id = parameters.first("client_id") else { throw AuthorizationRefusal.missingClient }
        guard let client = try await clients.client(ClientID(id), for: address) else {
            throw AuthorizationRefusal.unknownClient
        }
        guard let requested = parameters.first("redirect_uri") else { throw AuthorizationRefusal.missingRedirectURI }
        guard let uri = client.redirectURI(matching: requested), !isForbidden(uri) else {
            throw AuthorizationRefusal.redirectURIMismatch(client: client.displayName)
        }
        return ProvenRedirect(client: client, uri: uri, state: parameters.first("state"), issuer: issuer)
    }

    /// Takes up a request that was proven when its transaction began. The client is read again: it may be gone.
    static func resume(
        _ pending: PendingAuthorization, among clients: ClientDirectory, for address: SocketAddress
    ) async throws -> ProvenRedirect {
        guard let client = try await clients.client(pending.client, for: address) else {
            throw AuthorizationRefusal.unknownClient
        }
        // A device has no address: its answer stays here, on the page whose address stands in for one.
        let own = pending.device == nil ? nil : try? RedirectURI(parsing: pending.redirectURI)
        guard let uri = own ?? client.redirectURI(matching: pending.redirectURI) else {
            throw AuthorizationRefusal.redirectURIMismatch(client: client.displayName)
        }
        return ProvenRedirect(client: client, uri: uri, state: pending.state, issuer: pending.issuer)
    }

    /// Answers the client with a code: by a redirect, or on a page where there is no address.
    func answer(code: String, cookies: [String] = []) -> HTTPResponse {
        guard !uri.isOutOfBand else {
            return OutOfBandPage(clientName: client.displayName, code: code).page.response(.ok, cookies: cookies)
        }
        return Redirect.to(location(code: code), cookies: cookies)
    }

    /// Answers the client with an error: by a redirect, or on a page where there is no address.
    func answer(error: OAuthError, cookies: [String] = []) -> HTTPResponse {
        guard !uri.isOutOfBand else {
            return OutOfBandPage.refusal(error, clientName: client.displayName).page.response(.ok, cookies: cookies)
        }
        return Redirect.to(location(error: error), cookies: cookies)
    }

    /// Where a success goes: `code`, `state`, `iss`.
    func location(code: String) -> String {
        location(adding: [("code", code)])
    }

    /// Where an error goes: `error`, `error_description`, `state`, `iss` (RFC 9207 §2 wants it in errors too).
    func location(error: OAuthError) -> String {
        location(adding: [("error", error.code.rawValue), ("error_description", error.description)])
    }

    private func location(adding parameters: [(String, String)]) -> String {
        var all = parameters
        if let state { all.append(("state", state)) }
        all.append(("iss", issuer))
        return uri.text + (uri.text.utf8.contains(UInt8(ascii: "?")) ? "&" : "?") + FormParameters.encoded(all)
    }
}

extension AuthorizationService {
    /// Whether an answer must not go there although it is registered. With the loopback port rule a registered URI can come
    /// to mean our own port: never our own pages (A14). And a client may have registered before the operator changed the
    /// setting.
    func isForbidden(_ uri: RedirectURI) -> Bool {
        if uri.isOutOfBand { return !configuration.allowsOutOfBand }
        return uri.origin.map(hosts.isOwn(origin:)) ?? false
    }
}
