import HTTP
import JSON

/// How one client gets into a protected server: what it asks in which order, and what it insists on.
///
/// What is known of each is in ``ClientProfile/known``.
struct ClientProfile: Sendable {
    /// What `resource` of RFC 9728 metadata must be, compared with the address that the person entered.
    enum ResourceMatch: Sendable {
        /// The same, or what lies above it at the same origin.
        case covering
        /// The same. A document about another one is passed over, and the login goes on without `resource`.
        case sameOrIgnored
        /// The same, or it goes no further.
        case same
    }

    /// What it makes of `code_challenge_methods_supported`.
    enum PKCERule: Sendable {
        case mustBeListed
        /// A list must name S256; without a list it goes on.
        case mustNotBeMissing
        case ignored
    }

    /// What an error at a place for metadata of the authorization server means to it, other than 4xx, which says that
    /// nothing is there.
    enum ErrorRule: Sendable {
        case goesOn
        case fails
        /// It looks no further and uses the endpoints of 2025-03-26.
        case usesDefaults
    }

    /// Where it looks for `/authorize`, `/token` and `/register` when there is no metadata (2025-03-26).
    enum Defaults: Sendable {
        case none
        case atServer
        case atAuthorizationServer
    }

    /// For `--client`.
    let id: String
    let name: String
    /// What this is known from.
    let asOf: String
    /// Whether it runs at its maker's, so that the server must be on the internet.
    var isHosted = false
    /// The origin of the page in which it runs, where it is a page: then its browser has a say.
    var pageOrigin: String?
    /// The revision that its `initialize` offers.
    var version = "2025-11-25"
    /// The revisions that it takes as an answer.
    var versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    /// Whether it asks `server/discover` first (2026-07-28).
    var isModern = false
    /// Whether it tries the transport of 2024-11-05 when Streamable HTTP is answered 4xx.
    var fallsBackToEvents = false
    /// What makes it log in.
    var loginStatuses = [401]
    /// Whether it reads the challenge of a HEAD, and goes no further without.
    var asksHead = false
    /// Whether it sends `Accept: */*` in one of its probes.
    var probesAnyType = false
    /// Whether it looks nowhere else when the challenge names the metadata.
    var trustsChallengeAlone = false
    /// Whether it goes no further without RFC 9728 metadata.
    var needsResourceMetadata = false
    var resourceMatch = ResourceMatch.covering
    /// Whether `issuer` must be the text by which it got there (RFC 8414 §3.3).
    var checksIssuer = false
    var pkce = PKCERule.ignored
    var errorRule = ErrorRule.goesOn
    /// Whether a page in the place of metadata ends its search.
    var failsOnPages = false
    var defaults = Defaults.atAuthorizationServer
    /// The address of its Client ID Metadata Document, where it has one.
    var document: String?
    /// Whether it refuses a registration answer that does not repeat `redirect_uris`, or holds members that are null.
    var readsRegistrationStrictly = false
    /// What it calls itself when it registers.
    let clientName: String
    /// Where its users come back to.
    let redirectURIs: [String]
    /// What else it says of itself when it registers.
    var metadata: [JSONValue.Member] = []

    /// The body of its registration (RFC 7591).
    var registration: JSONValue {
        .object(
            [
                .init("client_name", .string(clientName)),
                .init("redirect_uris", .array(redirectURIs.map { .string($0) })),
                .init("response_types", ["code"]), .init("token_endpoint_auth_method", "none"),
            ] + (metadata.contains { $0.key == "grant_types" } ? [] : [.init("grant_types", Self.usualGrants)])
                + metadata)
    }

    private static let usualGrants: JSONValue = ["authorization_code", "refresh_token"]
}
