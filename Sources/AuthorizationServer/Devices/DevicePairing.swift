import Crypto
import OAuth

/// Which device an authorization request is for, instead of a redirect URI.
struct DevicePairing: Equatable {
    /// SHA-256 of the device code.
    let id: SecretDigest
    /// As the device shows it, so that the user can compare.
    let userCode: String
}

extension PendingAuthorization {
    /// A request of a device. There is no redirect, no state and no code that needs a challenge.
    init(device: DevicePairing, client: ClientID, scope: Scope, resources: [String], issuer: String) {
        self.init(
            client: client, redirectURI: issuer + DeviceEndpoint.path, scope: scope, resources: resources,
            codeChallenge: "", issuer: issuer, device: device)
    }
}

extension DevicePairing {
    /// Reads what `serialized` wrote.
    init?(_ texts: [String]) {
        guard texts.count == 2, let bytes = Base64URL.decode(Array(texts[0].utf8)), bytes.count == 32 else {
            return nil
        }
        self.init(id: SecretDigest(bytes: bytes), userCode: texts[1])
    }

    /// As the transaction keeps it.
    var serialized: [String] { [Base64URL.encode(id.bytes), userCode] }
}
