import AsyncIO
import HTTP
import OAuth
import Telemetry

/// The authorization servers beside our own, or in its place.
struct ExternalIssuerAssembly {
    /// What takes their tokens, and our own where `own` is there. Nothing is fetched before the first token comes.
    static func verifier(
        _ issuers: [ExternalIssuer], own: (any AccessTokenVerifier)?, loop: EventLoop, clock: WallClock
    ) -> IssuerSelectingVerifier {
        let clients = OutboundClients(
            configured: HTTPClient(on: loop, policy: .configured),
            publicOnly: HTTPClient(on: loop, policy: .publicOnly))
        let verifiers = issuers.map { issuer in
            ExternalIssuerVerifier(
                issuer, documents: OutboundDocuments(home: issuer.issuer, clients: clients), clock: clock)
        }
        return IssuerSelectingVerifier(verifiers, own: own)
    }
}
