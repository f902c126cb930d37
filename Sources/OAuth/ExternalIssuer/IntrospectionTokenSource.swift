import Crypto
import HTTP
import JSON
import Synchronization
import Telemetry

/// Tokens about which their issuer is asked (RFC 7662).
final class IntrospectionTokenSource: ExternalTokenSource {
    /// Questions on their way at once; more are refused as unavailable, so that a flood of made-up tokens does not become
    /// one at the issuer.
    private static let maximumQuestions = 64

    private let issuer: ExternalIssuer
    private let access: IntrospectionAccess
    private let discovery: ProviderDiscovery
    private let documents: OutboundDocuments
    private let clock: WallClock
    private let questions = Atomic(0)

    init(
        _ issuer: ExternalIssuer, _ access: IntrospectionAccess, discovery: ProviderDiscovery,
        documents: OutboundDocuments, clock: WallClock
    ) {
        self.issuer = issuer
        self.access = access
        self.discovery = discovery
        self.documents = documents
        self.clock = clock
    }

    var cacheLifetime: Duration { access.cache }

    func examine(_ token: String, _ jws: UnverifiedJWS?) async throws(AccessTokenRejection) -> ExternalToken? {
        guard questions.add(1, ordering: .relaxed).newValue <= Self.maximumQuestions else {
            questions.subtract(1, ordering: .relaxed)
            throw AccessTokenRejection(.unavailable, detail: "too many introspections at once")
        }
        defer { questions.subtract(1, ordering: .relaxed) }
        let answer: JSONNode
        do throws(DocumentFailure) {
            answer = try await ask(token)
        } catch {
            throw AccessTokenRejection(.unavailable, detail: "introspection: \(error)")
        }
        // §2.2: `active` is a boolean, and without it nothing was said.
        guard let isActive = answer["active"]?.boolean else {
            throw AccessTokenRejection(.unavailable, detail: "introspection: no answer that can be read")
        }
        return isActive ? try ExternalToken(answer, of: issuer, isSigned: false, at: clock.now()) : nil
    }

    private func ask(_ token: String) async throws(DocumentFailure) -> JSONNode {
        let endpoint = try await endpoint()
        // RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
        let credentials = [access.client, access.secret].map { FormParameters.encoded([("", $0)]).dropFirst() }
            .joined(separator: ":")
        let answer = try await documents.post(
            endpoint, form: [("token", token), ("token_type_hint", "access_token")],
            fields: ["Authorization": "Basic \(Base64.encode(Array(credentials.utf8)))"])
        guard answer.status.code == 200, answer.root.isObject else {
            throw DocumentFailure(.status(answer.status.code), "\(endpoint.origin) answered \(answer.status.code)")
        }
        return answer.root
    }

    private func endpoint() async throws(DocumentFailure) -> HTTPURL {
        if let endpoint = access.endpoint { return endpoint }
        guard let endpoint = try await discovery.metadata().introspectionEndpoint else {
            throw DocumentFailure(.malformed, "\(issuer.issuer) names no introspection_endpoint")
        }
        return endpoint
    }
}
