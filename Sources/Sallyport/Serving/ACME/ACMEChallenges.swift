import Crypto
import HTTP
import Synchronization

/// What a validator finds here at the moment, for the names that we are proving: nothing, most of the time (O04).
///
/// A `Mutex` because validators come in by any loop.
final class ACMEChallenges: Sendable {
    /// Where validators look (RFC 8555 §8.3).
    static let path = "/.well-known/acme-challenge/"

    private let contents = Mutex<[String: String]>([:])
    private let served: ServedTLS

    init(served: ServedTLS) {
        self.served = served
    }

    /// Shows the proof for `name` until ``hide(_:)``.
    func show(_ proof: ACMEProof, for name: String) throws(ACMEFailure) {
        switch proof.challenge {
        case .http01:
            contents.withLock { $0[proof.token] = proof.keyAuthorization }
        case .tlsALPN01:
            do throws(TLSError) {
                let digest = SHA256.digest(Array(proof.keyAuthorization.utf8)).bytes
                served.challenge(with: try TLSContext(challenge: digest, for: name))
            } catch {
                throw ACMEFailure(.local, "no certificate for the challenge: \(error)")
            }
        }
    }

    /// Nobody finds the proof any more.
    func hide(_ proof: ACMEProof) {
        contents.withLock { $0[proof.token] = nil }
        served.challenge(with: nil)
    }

    /// The answer to a validator; nil for requests that are not a validator's.
    func response(to request: HTTPRequest) -> HTTPResponse? {
        guard request.path.hasPrefix(Self.path) else { return nil }
        let token = String(request.path.dropFirst(Self.path.count))
        guard let content = contents.withLock({ $0[token] }) else {
            return .text(.notFound, "There is nothing at this address.")
        }
        return HTTPResponse(
            status: .ok, fields: ["Content-Type": "application/octet-stream", "Cache-Control": "no-store"],
            body: .bytes(Array(content.utf8)))
    }
}

/// What is to be shown for one challenge.
struct ACMEProof: Sendable {
    let challenge: ACMESettings.Challenge
    let token: String
    let keyAuthorization: String
}
