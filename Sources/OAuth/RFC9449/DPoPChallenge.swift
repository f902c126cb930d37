import Crypto

/// `WWW-Authenticate: DPoP …` (RFC 9449 §7.1), which stands beside the bearer challenge: both schemes are taken.
package struct DPoPChallenge: Sendable {
    /// Nil where the request did not try this scheme.
    package var error: OAuthError.Code?

    package init(error: OAuthError.Code? = nil) {
        self.error = error
    }

    /// `algs`, and what metadata call `dpop_signing_alg_values_supported`.
    package static let algorithms = SignatureAlgorithm.allCases.map(\.rawValue)

    /// The header's value.
    package var value: String {
        let algorithms = "algs=\"\(Self.algorithms.joined(separator: " "))\""
        guard let error else { return "DPoP " + algorithms }
        return "DPoP error=\"\(error.rawValue)\", " + algorithms
    }
}
