import Crypto
import OAuth

/// Reads how we prove ourselves to a provider.
struct CredentialReader {
    let context: ConfigurationContext

    /// The credential; only a generic provider may have none.
    func credential(_ kind: ProviderKind, in section: inout ConfigurationSection) -> ProviderCredential? {
        let secret = section.value("client_secret")
        let mayHaveKey = kind == .okta || kind == .oidc
        let key = mayHaveKey ? section.value("private_key") : nil
        let keyID = mayHaveKey ? section.value("private_key_id") : nil
        if let key {
            if secret != nil { key.refuse("there is a client_secret as well", hint: "keep one of them") }
            guard let keyID else {
                context.refuse(
                    section.path.key("private_key_id"), line: section.line, "is missing",
                    hint: "the kid under which the provider knows the key")
                return nil
            }
            return signing(key, keyID)
        }
        keyID?.refuse("there is no private_key")
        guard let secret else {
            if kind == .oidc { return ProviderCredential.none }
            context.refuse(
                section.path.key("client_secret"), line: section.line, "is missing",
                hint: mayHaveKey ? "or private_key with private_key_id" : nil)
            return nil
        }
        guard let text = secret.secretText(in: context) else { return nil }
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            secret.refuse("is not a client secret")
            return nil
        }
        return .secret(text)
    }

    private func signing(_ value: ConfigurationValue, _ keyID: ConfigurationValue) -> ProviderCredential? {
        guard let pem = value.secretText(in: context), let id = keyID.nonEmptyString() else { return nil }
        do throws(CryptoError) {
            return .privateKey(try PrivateKey(pem: pem), id: id)
        } catch {
            value.refuse(
                "is not a private key that can be used",
                hint: "file:PATH of a PEM file with an RSA key of 2048 bits or more, P-256 or Ed25519")
            return nil
        }
    }
}
