import AsyncIO
import Foundation
import HTTP
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// DPoP at the protected resource (RFC 9449 §7).
@Suite("DPoP at the resource", .timeLimit(.minutes(2)))
struct DPoPResourceTests {
    /// Knows one bound token and one that is not.
    struct BoundVerifier: AccessTokenVerifier {
        let thumbprint: String
        let principal = StubVerifier.principal("alice", "c1", grant: "g1")

        func verify(
            _ token: String, for resource: String, issuer: String
        ) async throws(AccessTokenRejection) -> Principal {
            guard token == "plain" else { throw AccessTokenRejection(.invalid, detail: "bound or unknown") }
            return principal
        }

        func verify(
            _ token: String, boundTo thumbprint: String, for resource: String, issuer: String
        ) async throws(AccessTokenRejection) -> Principal {
            guard token == "bound", thumbprint == self.thumbprint else {
                throw AccessTokenRejection(.invalid, detail: "not bound to this key")
            }
            return principal
        }
    }

    /// Used proofs, in memory; `isDown` makes it fail.
    final class Proofs: DPoPReplayGuard {
        let isDown = Mutex(false)
        private let seen = Mutex<Set<String>>([])
        struct Down: Error {}

        func isFirstUse(_ proof: DPoPProof) async throws -> Bool {
            if isDown.withLock({ $0 }) { throw Down() }
            return seen.withLock { $0.insert(proof.id).inserted }
        }
    }

    static let fields = ["Accept": "application/json, text/event-stream", "Content-Type": "application/json"]
    static let body = PlainMCP.request(
        "initialize", id: 1,
        #"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}"#)

    static func now() -> Timestamp { WallClock.system.now() }

    private func withBoundBench(_ body: (Bench, KeyProver, Proofs) async throws -> Void) async throws {
        let prover = try KeyProver()
        let proofs = Proofs()
        let bench = try await Bench {
            $0.authentication = .bearer(BoundVerifier(thumbprint: prover.thumbprint))
            $0.proofs = proofs
        }
        do {
            try await body(bench, prover, proofs)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
    }

    private func ask(
        _ bench: Bench, _ authorization: String, _ proof: String?
    ) async throws -> PlainResponse {
        var fields = Self.fields
        fields["Authorization"] = authorization
        fields["DPoP"] = proof
        return try await bench.request("POST", "/demo/mcp", fields, Self.body)
    }

    @Test("T10: a bound token with a fresh proof of its key gets through, once")
    func good() async throws {
        try await withBoundBench { bench, prover, _ in
            let address = "http://localhost:\(bench.port)/demo/mcp"
            let proof = try prover.proof("POST", address, accessToken: "bound", at: Self.now())
            #expect(try await ask(bench, "DPoP bound", proof).status == 200)
            let again = try await ask(bench, "DPoP bound", proof)
            #expect(again.status == 401)
            #expect(again.values("www-authenticate").contains { $0.hasPrefix("DPoP error=\"invalid_dpop_proof\"") })
            let next = try prover.proof("POST", address + "?x=1", accessToken: "bound", at: Self.now())
            #expect(try await ask(bench, "dpop bound", next).status == 200, "the scheme has no case")
            #expect(try await ask(bench, "Bearer plain", nil).status == 200)
        }
    }

    @Test("T10: dpop-negative-tests at the resource")
    func negative() async throws {
        try await withBoundBench { bench, prover, _ in
            let address = "http://localhost:\(bench.port)/demo/mcp"
            func proof(
                _ method: String = "POST", _ target: String? = nil, token: String? = "bound",
                by other: KeyProver? = nil,
                seconds: Int64 = 0
            ) throws -> String {
                let time = Self.now() + .seconds(seconds)
                return try (other ?? prover).proof(method, target ?? address, accessToken: token, at: time)
            }
            let proofs: [String?] = try [
                nil, "x", proof("GET"), proof("POST", address + "/x"), proof("POST", "http://127.0.0.1/demo/mcp"),
                proof(token: nil), proof(token: "other"), proof(seconds: -61), proof(seconds: 120),
            ]
            for text in proofs {
                let answer = try await ask(bench, "DPoP bound", text)
                #expect(answer.status == 401)
                #expect(
                    answer.values("www-authenticate").contains { $0.contains("invalid_dpop_proof") }, "\(text ?? "")")
            }
            let stranger = try await ask(bench, "DPoP bound", try proof(by: KeyProver()))
            #expect(stranger.status == 401)
            #expect(stranger.values("www-authenticate").contains { $0.hasPrefix("DPoP error=\"invalid_token\"") })
            let unbound = try await ask(bench, "DPoP plain", try proof(token: "plain"))
            #expect(unbound.status == 401, "a bearer token does not become bound")
            let bearer = try await ask(bench, "Bearer bound", try proof())
            #expect(bearer.status == 401)
            #expect(bearer.header("www-authenticate")?.contains("error=\"invalid_token\"") == true)
            let empty = try await ask(bench, "DPoP", try proof())
            #expect(empty.status == 401)
            #expect(bench.gateway.processCount == 0, "P05: nothing was started")
        }
    }

    @Test("R04: when used proofs cannot be looked up, nothing goes through")
    func down() async throws {
        try await withBoundBench { bench, prover, proofs in
            proofs.isDown.withLock { $0 = true }
            let proof = try prover.proof(
                "POST", "http://localhost:\(bench.port)/demo/mcp", accessToken: "bound", at: Self.now())
            let answer = try await ask(bench, "DPoP bound", proof)
            #expect(answer.status == 503 && answer.header("retry-after") != nil)
        }
    }

    @Test("RFC 9449 §7.1: both schemes are offered, bearer first, and the metadata say so")
    func offered() async throws {
        try await withBoundBench { bench, _, _ in
            let answer = try await bench.request("POST", "/demo/mcp", Self.fields, Self.body)
            let challenges = answer.values("www-authenticate")
            #expect(challenges.count == 2)
            #expect(challenges.first?.hasPrefix("Bearer resource_metadata=") == true)
            #expect(challenges.last == "DPoP algs=\"RS256 ES256 EdDSA\"")
            let metadata = try await bench.request("GET", "/.well-known/oauth-protected-resource/demo/mcp")
            #expect(metadata.object["dpop_signing_alg_values_supported"] as? [String] == ["RS256", "ES256", "EdDSA"])
        }
        try await withBench { bench in
            let answer = try await bench.request("POST", "/demo/mcp", Self.fields, Self.body)
            #expect(answer.values("www-authenticate").count == 1, "nothing is offered that cannot be proven")
        }
    }
}
