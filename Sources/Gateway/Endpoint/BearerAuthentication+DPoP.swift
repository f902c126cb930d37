import HTTP
import OAuth
import Telemetry

/// What the protected resource needs to check proofs of possession.
struct ProofCheck: Sendable {
    let `guard`: any DPoPReplayGuard
    let clock: WallClock
}

extension BearerAuthentication {
    /// The principal of a token that is bound to a key, for a request that proves the key (RFC 9449 §7.1). The proof is used
    /// up last: whoever has no good token leaves nothing behind.
    func principal(
        of request: HTTPRequest, bearing token: String, at origin: ServerOrigin, _ verifier: any AccessTokenVerifier,
        _ proofs: ProofCheck
    ) async throws(EndpointRefusal) -> Principal {
        let address = origin.uri(path: resource.path)
        let proof: DPoPProof
        do {
            guard let text = try DPoPProof.find(in: request.fields) else {
                throw refusal(.invalidDPoPProof, "there is none", request, origin)
            }
            proof = try DPoPProof.verify(
                text, method: request.method, address: address, accessToken: token, at: proofs.clock.now())
        } catch let refusal as EndpointRefusal {
            throw refusal
        } catch {
            throw refusal(.invalidDPoPProof, "\(error)", request, origin)
        }
        let principal: Principal
        do throws(AccessTokenRejection) {
            principal = try await verifier.verify(
                token, boundTo: proof.thumbprint, for: address, issuer: issuer ?? origin.description)
        } catch {
            guard error.kind == .invalid else { throw refusal(for: error.kind, origin) }
            throw refusal(.invalidToken, error.detail, request, origin)
        }
        let isFirst: Bool
        do {
            isFirst = try await proofs.guard.isFirstUse(proof)
        } catch {
            throw refusal(for: .unavailable, origin)
        }
        guard isFirst else { throw refusal(.invalidDPoPProof, "used before", request, origin) }
        return principal
    }

    private func refusal(
        _ error: OAuthError.Code, _ reason: String, _ request: HTTPRequest, _ origin: ServerOrigin
    ) -> EndpointRefusal {
        logger.debug(
            "a bound token was refused", ["request_id": .string(request.id.value), "reason": .string(reason)])
        return challenge(.unauthorized, nil, scope: Scope(tokens: resource.scopes), proof: error, origin)
    }
}
