package import Telemetry

/// Frees the room of what can no longer matter: what the gateway does by itself every few minutes, and what a command does.
package struct StoreMaintenance: Sendable {
    private let store: any AuthorizationStore
    private let configuration: AuthorizationServerConfiguration

    /// Creates the operations over a store.
    package init(store: any AuthorizationStore, configuration: AuthorizationServerConfiguration) {
        self.store = store
        self.configuration = configuration
    }

    /// What `purge` would remove.
    package func leftovers(at time: Timestamp) async throws(StoreError) -> StoreLeftovers {
        try await store.leftovers(
            revocationsBefore: time - forgetAfter, neverUsedBefore: time - configuration.registration.neverUsedLifetime,
            idleBefore: time - configuration.registration.idleLifetime, at: time)
    }

    /// Removes it; returns how much.
    package func purge(at time: Timestamp) async throws(StoreError) -> StoreLeftovers {
        let rows = try await store.sweep(at: time, revocationsBefore: time - forgetAfter)
        let clients = try await store.removeClients(
            neverUsedBefore: time - configuration.registration.neverUsedLifetime,
            idleBefore: time - configuration.registration.idleLifetime)
        return StoreLeftovers(rows: rows, clients: clients)
    }

    /// An access token that was valid at revocation is dead by itself after its lifetime: not that of today's
    /// configuration, because it may come of an earlier one. An hour more costs nothing and forgives clocks that differ.
    var forgetAfter: Duration { AuthorizationServerConfiguration.longestAccessTokenLifetime + .seconds(3600) }
}
