import HTTP
import OAuth

/// `request_uri` of a pushed request (RFC 9126 §2.2): ours, unguessable, good for one use by its client.
enum RequestReference {
    private static let prefix = "urn:ietf:params:oauth:request_uri:"

    /// A new one.
    static func make() -> String { prefix + IssuedSecret.make(.pushedRequest).text }

    /// Puts the pushed parameters in the place of the reference; parameters beside it count for nothing (RFC 9101 §5).
    ///
    /// A reference that is used up, over or another client's ends on a page of ours (A17), and so does every `request_uri`
    /// that is none of ours: what it stands for is unknown, so that no redirect can be proven. Nothing is ever fetched.
    static func resolve(
        _ parameters: AuthorizationParameters, in service: AuthorizationService
    ) async throws -> (parameters: AuthorizationParameters, isPushed: Bool) {
        for name in ["request_uri", "client_id"] where parameters.isRepeated(name) {
            throw AuthorizationRefusal.repeatedParameter(name)
        }
        guard let reference = parameters.first("request_uri") else { return (parameters, false) }
        guard reference.utf8.starts(with: prefix.utf8) else { throw AuthorizationRefusal.foreignRequestURI }
        guard let client = parameters.first("client_id") else { throw AuthorizationRefusal.missingClient }
        let outcome = try await service.store.take(
            SecretDigest(of: reference), of: ClientID(client), at: service.now)
        guard case .taken(let form) = outcome else { throw AuthorizationRefusal.pushedRequestGone }
        return (try AuthorizationParameters(pushed: form), true)
    }
}

extension AuthorizationParameters {
    /// What was pushed.
    init(pushed form: [UInt8]) throws(AuthorizationRefusal) {
        do {
            self.init(form: try FormParameters(parsing: form))
        } catch {
            throw .unreadable
        }
    }
}
