import AsyncIO
import HTTP

/// Reads `tls`.
struct TLSReader {
    let context: ConfigurationContext

    /// The settings; nil with the reason recorded.
    func settings(in section: ConfigurationSection) -> TLSSettings? {
        var section = section
        let certificate = section.value("certificate")
        let key = section.value("private_key")
        let redirect = section.value("redirect_listen").flatMap { $0.listenAddress() }
        let acme = section.section("acme")
        section.finish(hints: ["key": "did you mean \"private_key\"?", "cert": "did you mean \"certificate\"?"])
        if let acme {
            for value in [certificate, key] { value?.refuse("cannot be set together with acme") }
            return self.acme(acme, hasRedirect: redirect != nil)
                .map { TLSSettings(source: .acme($0), redirectListen: redirect) }
        }
        guard let certificate, let key else {
            context.refuse(
                section.path.key(certificate == nil ? "certificate" : "private_key"), line: section.line, "is missing",
                hint:
                    "write tls: {certificate: chain.pem, private_key: key.pem}, or tls: {acme: {email: you@example.com}}"
            )
            return nil
        }
        return files(certificate, key).map { TLSSettings(source: .files($0), redirectListen: redirect) }
    }

    private func files(_ certificate: ConfigurationValue, _ key: ConfigurationValue) -> CertificateSource? {
        guard let chainPath = certificate.nonEmptyString(), let keyPath = key.nonEmptyString() else { return nil }
        let files = CertificateFiles(
            certificate: context.absolutePath(chainPath), privateKey: context.absolutePath(keyPath))
        let version = files.version
        do throws(CertificateFiles.Failure) {
            return CertificateSource(files: files, context: try files.load(), version: version)
        } catch {
            (error.part == .certificate ? certificate : key).refuse(error.message, hint: error.hint)
            return nil
        }
    }

    // MARK: - ACME

    private func acme(_ section: ConfigurationSection, hasRedirect: Bool) -> ACMESettings? {
        var section = section
        let directory = section.value("directory_url").map(directory) ?? (try? HTTPURL(ACMESettings.defaultDirectory))
        let email = section.value("email").map(email)
        let challenge = section.value("challenge")?.word(ACMESettings.Challenge.self)
        let domains = section.value("domains").map(domains) ?? []
        let authorities = section.value("certificate_authorities").map(authorities)
        let interval = section.value("retry_interval")?.duration(in: .seconds(1)...(.seconds(3600)))
        section.finish(hints: [
            "directory": "did you mean \"directory_url\"?", "ca": "did you mean \"certificate_authorities\"?",
        ])
        guard let directory, let domains else { return nil }
        // Behind the port that a redirect has the simpler proof works.
        var settings = ACMESettings(directory: directory, challenge: challenge ?? (hasRedirect ? .http01 : .tlsALPN01))
        if settings.challenge == .http01, !hasRedirect {
            context.refuse(
                section.path.key("challenge"), line: section.line, "http-01 needs tls.redirect_listen",
                hint: "set it to the address that port 80 of the public name leads to, or use tls-alpn-01")
        }
        settings.email = email ?? nil
        settings.domains = domains
        settings.authorities = authorities ?? nil
        if let interval { settings.retryInterval = interval }
        return settings
    }

    private func directory(_ value: ConfigurationValue) -> HTTPURL? {
        guard let text = value.nonEmptyString() else { return nil }
        guard let url = try? HTTPURL(text), url.scheme == .https else {
            value.refuse("\"\(text)\" is not an https address", hint: "like \(ACMESettings.defaultDirectory)")
            return nil
        }
        return url
    }

    private func email(_ value: ConfigurationValue) -> String? {
        guard let text = value.nonEmptyString() else { return nil }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !",?%<>".utf8.contains($0) })
        else {
            value.refuse("\"\(text)\" is not an e-mail address")
            return nil
        }
        return text
    }

    private func domains(_ value: ConfigurationValue) -> [String]? {
        guard let texts = value.strings() else { return nil }
        var names: [String] = []
        for text in texts {
            guard let name = Self.domain(text) else {
                value.refuse(
                    "\"\(text)\" is no name that an authority issues for this way",
                    hint: text.hasPrefix("*.")
                        ? "a wildcard is proven by dns-01, which is not there: name each host, or use a certificate in files"
                        : "a DNS name, without wildcards")
                return nil
            }
            if !names.contains(name) { names.append(name) }
        }
        if names.count > ACMESettings.maximumDomains {
            value.refuse("are more than \(ACMESettings.maximumDomains), which is what one certificate may have")
        }
        return names
    }

    private static func domain(_ text: String) -> String? {
        guard let url = try? HTTPURL("https://\(text)"), case .name(let name) = url.host,
            url.origin == "https://\(name)",
            url.path.isEmpty, url.query == nil, url.fragment == nil, !url.host.isLoopback
        else { return nil }
        return name
    }

    private func authorities(_ value: ConfigurationValue) -> String? {
        guard let path = value.nonEmptyString().map(context.absolutePath) else { return nil }
        guard FileSystem.exists(path) else {
            value.refuse("there is no file \(path)")
            return nil
        }
        return path
    }
}
