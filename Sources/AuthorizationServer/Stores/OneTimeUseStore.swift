package import Telemetry

/// Things that may be presented once in their life and have no record of their own: the `jti` of a DPoP proof, of a client
/// assertion, of an identity assertion.
package protocol OneTimeUseStore: Sendable {
    /// Notes the use of `key` and says whether it was the first: of any number of racing calls exactly one gets `true`.
    /// Kept until `until`, which the caller bounds: from then on the caller itself has to refuse whatever `key` stands for.
    /// Where `until` has passed already the answer is `false`, so that a clock set back revives nothing (S03).
    func firstUse(_ key: SecretDigest, until: Timestamp, at now: Timestamp) async throws(StoreError) -> Bool
}
