import AsyncIO
import Crypto

/// `tls`: how TLS ends here.
struct TLSSettings: Sendable {
    /// Where the certificate comes from.
    enum Source: Sendable {
        /// `certificate` and `private_key`.
        case files(CertificateSource)
        /// `acme`.
        case acme(ACMESettings)
    }

    let source: Source
    /// `redirect_listen`: where requests in the clear are told the right address; nil for nowhere.
    var redirectListen: SocketAddress?
}

/// The operator's certificate as it was read.
struct CertificateSource: Sendable {
    let files: CertificateFiles
    /// What was in them.
    let context: TLSContext
    /// Which content that was, or an older one: it was looked at before.
    let version: CertificateFiles.Version
}
