import HTTP

/// `tls.acme`: a certificate from an authority that issues it by itself (RFC 8555).
struct ACMESettings: Sendable, Equatable {
    /// How we prove that a name is ours.
    enum Challenge: String, Sendable, CaseIterable {
        /// By a file on port 80 (RFC 8555 §8.3).
        case http01 = "http-01"
        /// By a handshake on port 443 (RFC 8737).
        case tlsALPN01 = "tls-alpn-01"
    }

    /// What one certificate of the best known authority may name.
    static let maximumDomains = 100
    /// The directory that counts when none is configured.
    static let defaultDirectory = "https://acme-v02.api.letsencrypt.org/directory"

    /// `email`: where the authority writes to when something is wrong.
    var email: String?
    /// `directory_url`.
    var directory: HTTPURL
    /// `certificate_authorities`: a PEM file; nil for those of the system.
    var authorities: String?
    /// `challenge`.
    var challenge: Challenge
    /// `domains`; empty for the host of `public_url`, and with `routing: subdomain` those of the servers.
    var domains: [String] = []
    /// `retry_interval`.
    var retryInterval = Duration.seconds(60)
}
