import Crypto
import OAuth
import Telemetry

/// What ties one trip to an identity provider to one browser, provider and moment, without storing anything (I01, I03).
///
/// The browser keeps a secret of 256 bits in a cookie that is set after the user's decision. `state` carries what the
/// secret authenticates: another browser, another provider's callback or a later hour does not fit. `nonce` and
/// `code_verifier` come of the same secret, so a code that was stolen fits nowhere else either.
struct TripTicket {
    /// How long somebody may stay at the provider.
    static let lifetime = Duration.seconds(600)

    /// `state` of the request.
    let state: String
    /// The cookie's value.
    let secret: String
    /// The handle of the authorization request; nil for a login without one.
    let handle: String?
    /// From here on the ticket is refused.
    let expires: Timestamp

    /// A new ticket.
    static func issue(provider: String, origin: String, handle: String?, at now: Timestamp) -> TripTicket {
        let secret = Base64URL.encode(Random.bytes(32))
        let expires = now + lifetime
        let mark = mark(provider: provider, origin: origin, handle: handle, expires: expires, secret: secret)
        let state = "\(handle ?? "-").\(expires.millisecondsSinceEpoch).\(mark)"
        return TripTicket(state: state, secret: secret, handle: handle, expires: expires)
    }

    /// The ticket that a callback brought, when the browser's secret made it for this provider and origin.
    static func present(
        state: String, secret: String, provider: String, origin: String
    ) -> TripTicket? {
        let parts = state.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let milliseconds = decimal(parts[1]) else { return nil }
        let handle = parts[0] == "-" ? nil : parts[0]
        let expires = Timestamp(millisecondsSinceEpoch: milliseconds)
        let expected = mark(provider: provider, origin: origin, handle: handle, expires: expires, secret: secret)
        guard ConstantTime.equals(Array(parts[2].utf8), Array(expected.utf8)) else { return nil }
        return TripTicket(state: state, secret: secret, handle: handle, expires: expires)
    }

    /// What the provider is told and asked.
    func trip(redirectURI: String) throws(OAuthError) -> ProviderTrip {
        ProviderTrip(
            redirectURI: redirectURI, state: state, nonce: Self.derive("nonce", [state], secret),
            verifier: try PKCE.Verifier(parsing: Self.derive("verifier", [state], secret)))
    }

    private static func mark(
        provider: String, origin: String, handle: String?, expires: Timestamp, secret: String
    ) -> String {
        derive("state", [provider, origin, handle ?? "-", String(expires.millisecondsSinceEpoch)], secret)
    }

    private static func derive(_ purpose: String, _ parts: [String], _ secret: String) -> String {
        let message = SecretDigest(lengthCoding: [purpose] + parts).bytes
        return Base64URL.encode(HMACSHA256.authenticate(message, key: Array(secret.utf8)))
    }

    private static func decimal(_ text: String) -> Int64? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}
