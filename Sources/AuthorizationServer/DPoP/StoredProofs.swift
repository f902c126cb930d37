import OAuth
import Telemetry

/// Used proofs, in the store: what one process has seen, none takes again.
struct StoredProofs: DPoPReplayGuard {
    let store: any AuthorizationStore
    let clock: WallClock

    func isFirstUse(_ proof: DPoPProof) async throws -> Bool {
        // By key: nobody can use up the identifiers of somebody else's proofs.
        try await store.firstUse(
            SecretDigest(oneTime: "dpop", proof.thumbprint, proof.id), until: proof.rememberUntil, at: clock.now())
    }
}
