import AsyncIO
import Crypto

/// `tls`: how TLS ends here.
struct TLSSettings: Sendable {
    /// `certificate` and `private_key`.
    let files: CertificateFiles
    /// What was in them.
    let context: TLSContext
    /// Which content that was, or an older one: it was looked at before.
    let version: CertificateFiles.Version
    /// `redirect_listen`: where requests in the clear are told the right address; nil for nowhere.
    var redirectListen: SocketAddress?
}

/// Reads `tls`.
struct TLSReader {
    let context: ConfigurationContext

    /// The settings; nil with the reason recorded.
    func settings(in section: ConfigurationSection) -> TLSSettings? {
        var section = section
        let certificate = section.value("certificate")
        let key = section.value("private_key")
        let redirect = section.value("redirect_listen").flatMap(address)
        section.finish(hints: ["key": "did you mean \"private_key\"?", "cert": "did you mean \"certificate\"?"])
        guard let certificate, let key else {
            context.refuse(
                section.path.key(certificate == nil ? "certificate" : "private_key"), line: section.line, "is missing",
                hint: "write tls: {certificate: chain.pem, private_key: key.pem}")
            return nil
        }
        guard let chainPath = certificate.nonEmptyString(), let keyPath = key.nonEmptyString() else { return nil }
        let files = CertificateFiles(
            certificate: context.absolutePath(chainPath), privateKey: context.absolutePath(keyPath))
        let version = files.version
        do throws(CertificateFiles.Failure) {
            return TLSSettings(
                files: files, context: try files.load(), version: version, redirectListen: redirect)
        } catch {
            (error.part == .certificate ? certificate : key).refuse(error.message, hint: error.hint)
            return nil
        }
    }

    private func address(_ value: ConfigurationValue) -> SocketAddress? {
        guard let text = value.nonEmptyString() else { return nil }
        do throws(ListenAddress.ParseError) {
            return try ListenAddress.parse(text)
        } catch {
            value.refuse("\"\(text)\" is not an address to listen on", hint: error.hint)
            return nil
        }
    }
}
