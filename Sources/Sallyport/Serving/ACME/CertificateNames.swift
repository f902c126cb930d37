import HTTP
import Synchronization

/// What the certificate should be for; servers with hosts of their own come and go with the configuration.
///
/// A `Mutex` because the configuration changes beside the one who looks after the certificate.
final class CertificateNames: Sendable {
    private let names: Mutex<[String]>

    /// `names`, the one that clients come by first.
    init(_ names: [String]) {
        self.names = Mutex(names)
    }

    /// Those that count now.
    var current: [String] { names.withLock { $0 } }

    /// Others count from now on.
    func replace(with names: [String]) { self.names.withLock { $0 = names } }
}

extension Configuration {
    /// What a certificate from an authority has to be for.
    func certificateNames(_ acme: ACMESettings) -> [String] {
        acme.domains.isEmpty ? hosts.map(\.plainText) : acme.domains
    }
}
