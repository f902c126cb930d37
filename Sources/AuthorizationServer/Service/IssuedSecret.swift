import Crypto

/// A secret that we hand out once: 256 random bits behind a prefix that names its kind. Stores see the digest only.
struct IssuedSecret: Sendable {
    /// The kinds, by prefix. Scanners of leaked secrets know them by it.
    enum Kind: String {
        case authorizationCode = "sp_code_"
        case refreshToken = "sp_refresh_"
        case browserSession = "sp_session_"
        case transaction = "sp_login_"
        case setupLink = "sp_setup_"
        case clientSecret = "sp_secret_"
        case apiKey = "sp_key_"
        case pushedRequest = "sp_request_"
        case deviceCode = "sp_device_"
        case registration = "sp_registration_"
    }

    /// The secret itself, for the one message that carries it.
    let text: String
    /// What is stored.
    let digest: SecretDigest

    /// Makes a new one.
    static func make(_ kind: Kind) -> IssuedSecret {
        let text = Random.token(kind.rawValue)
        return IssuedSecret(text: text, digest: SecretDigest(of: text))
    }
}

extension SecretDigest {
    /// The digest of a secret that was presented.
    init(of secret: String) {
        self.init(bytes: SHA256.digest(Array(secret.utf8)).bytes)
    }
}

extension SecretDigest {
    /// The key of something that may be presented once: what it is, who made it, and its identifier.
    package init(oneTime parts: String...) {
        self.init(lengthCoding: parts)
    }

    /// The digest of several texts, each with its length before it, so that no two lists run together.
    init(lengthCoding parts: [String]) {
        var bytes: [UInt8] = []
        for part in parts {
            let text = Array(part.utf8)
            let length = UInt32(truncatingIfNeeded: text.count)
            bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + text
        }
        self.init(bytes: SHA256.digest(bytes).bytes)
    }
}
