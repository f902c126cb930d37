import Crypto
import HTTP
import OAuth
import Telemetry

/// Ends of a request that came from a device: the decision is stored for it to find, and the browser stays here.
extension AuthorizationFlow {
    /// Allows the device what `grant` says.
    func pair(
        _ device: DevicePairing, granting grant: GrantRecord, client: RegisteredClient, cookies: [String]
    ) async throws -> HTTPResponse {
        let outcome = try await service.store.decide(device.id, grant: grant, at: service.now)
        guard outcome == .decided else { throw AuthorizationRefusal.transactionOver }
        service.note(
            .consentGranted, outcome: .success, user: grant.user, client: grant.client, request: request,
            detail: [
                ("grant", grant.id.value), ("scope", grant.scope.description), ("grant_type", DeviceCodeGrant.type),
            ])
        let message = MessagePage(
            title: "You are signed in on your device",
            explanation: "\(client.displayName) goes on by itself within a few seconds.",
            wayForward: "You can close this page.")
        return message.page.response(.ok, cookies: cookies)
    }

    /// Tells the device that its user said no.
    func turnAway(_ device: DevicePairing, cookies: [String]) async throws -> HTTPResponse {
        _ = try await service.store.decide(device.id, grant: nil, at: service.now)
        let message = MessagePage(
            title: "The device gets nothing", explanation: "It is told that you said no.",
            wayForward: "If you did not start this yourself, somebody may have tried to sign in with your account. You "
                + "can close this page.")
        return message.page.response(.ok, cookies: cookies)
    }
}
