import AsyncIO

/// `oauth.client_id_metadata_documents`.
struct ClientDocumentSettings: Sendable, Equatable {
    /// `enabled`.
    var isEnabled = true
    /// `allowed_hosts`; empty means every host.
    var allowedHosts: [String] = []
    /// `certificate_authorities`: a PEM file that counts instead of the system's.
    var certificateAuthorities: String?
    /// `insecure_allowed_addresses`: addresses beside the public ones from which documents and keys are fetched.
    var additionalAddresses: [CIDR] = []
}

extension ConfigurationContext {
    /// Reads the section.
    func clientDocuments(_ section: ConfigurationSection?) -> ClientDocumentSettings {
        var settings = ClientDocumentSettings()
        guard var section else { return settings }
        settings.isEnabled = section.value("enabled")?.boolean() ?? true
        for host in section.value("allowed_hosts")?.list() ?? [] {
            if let pattern = hostPattern(host) { settings.allowedHosts.append(pattern) }
        }
        if let value = section.value("certificate_authorities"), let path = value.nonEmptyString() {
            let path = absolutePath(path)
            if FileSystem.exists(path) {
                settings.certificateAuthorities = path
            } else {
                value.refuse("there is no file \(path)")
            }
        }
        for block in section.value("insecure_allowed_addresses")?.list() ?? [] {
            guard let text = block.nonEmptyString() else { continue }
            if let parsed = CIDR(text) {
                settings.additionalAddresses.append(parsed)
                block.note("clients may make this gateway connect to \(text)")
            } else {
                block.refuse("\"\(text)\" is not a block of addresses", hint: "like 10.20.0.0/16")
            }
        }
        section.finish()
        return settings
    }

    /// `example.com`, `*.example.com` or `*`, in lower case.
    private func hostPattern(_ value: ConfigurationValue) -> String? {
        guard let text = value.nonEmptyString()?.lowercased() else { return nil }
        let name = text.hasPrefix("*.") ? String(text.dropFirst(2)) : text
        let isName = name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
        }
        guard text == "*" || isName && !name.isEmpty else {
            value.refuse("\"\(text)\" is not a host name", hint: "like example.com, or *.example.com for all below it")
            return nil
        }
        return text
    }
}
