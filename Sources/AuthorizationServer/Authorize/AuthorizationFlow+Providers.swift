import HTTP
import OAuth
import Telemetry

/// Ends of an authorization request whose user decided before anybody knew who they are.
extension AuthorizationFlow {
    /// Ends the transaction with a code. The user allowed the request before they went to the provider (U04), in this
    /// browser (I02).
    func approveAfterProvider(_ step: Step, user: UserID, cookies more: [String]) async throws -> HTTPResponse {
        try await advance(step, from: .identityProvider, to: .finished, user: user)
        let consent = ConsentRecord(
            id: ConsentKey(step.pending, step.redirect, user: user).digest, user: user, client: step.pending.client,
            givenAt: service.now)
        try await service.store.remember(consent)
        return try await issueCode(
            step.pending, step.redirect, user: user, cookies: more + [cookies.removingBinding(of: step.transaction.id)])
    }

    /// Ends the transaction with `access_denied`, before anybody signed in; a device is told so when it asks. It takes a
    /// form of our own page, so no link can send somebody to a client this way (A03).
    func denyBeforeLogin(_ step: Step) async throws -> HTTPResponse {
        try await advance(step, from: step.transaction.stage, to: .finished)
        service.note(.consentDenied, outcome: .denied, client: step.pending.client, request: request)
        return try await refuse(step)
    }
}
