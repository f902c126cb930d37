import HTTP
import OAuth

/// A key that the sender of a request has just proven to hold, once: there is no other way to get one.
struct ProvenKey {
    /// `jkt`.
    let thumbprint: String

    /// A request that needs a proof and has none.
    static let missing = OAuthError(.invalidDPoPProof, "a DPoP proof is needed")

    /// Refuses a request that does not prove the key to which something is bound (RFC 9449 §5, §10).
    static func require(_ thumbprint: String?, proven key: ProvenKey?, or refusal: OAuthError) throws(OAuthError) {
        guard let thumbprint else { return }
        guard let key else { throw missing }
        guard key.thumbprint.utf8.elementsEqual(thumbprint.utf8) else { throw refusal }
    }

    /// Reads the `DPoP` header of a request to an endpoint of ours (RFC 9449 §5); nil where there is none. Everything else is
    /// proven, or `invalid_dpop_proof`.
    static func find(
        in request: HTTPRequest, origin: ServerOrigin, service: AuthorizationService
    ) async throws -> ProvenKey? {
        let proof: DPoPProof
        do {
            guard let text = try DPoPProof.find(in: request.fields) else { return nil }
            proof = try DPoPProof.verify(
                text, method: request.method, address: origin.uri(path: request.path), accessToken: nil,
                at: service.now)
        } catch {
            throw OAuthError(.invalidDPoPProof, "the DPoP proof is not valid", detail: "\(error)")
        }
        guard try await service.proofs.isFirstUse(proof) else {
            throw OAuthError(.invalidDPoPProof, "the DPoP proof was used before")
        }
        return ProvenKey(thumbprint: proof.thumbprint)
    }
}
