import AsyncIO
import Crypto
import JSON
import OAuth

/// The key by which a certificate authority knows us, and what it signs (RFC 8555 §6.2).
struct ACMEAccount: Sendable {
    private let key: PrivateKey
    private let jwk: JSONWebKey

    /// With this key, ES256.
    init(_ key: PrivateKey) throws(CryptoError) {
        self.key = key
        jwk = JSONWebKey(try key.publicKey())
    }

    /// The key in the file, which is made on first use, 0600; blocking.
    static func open(_ path: String) throws(ACMEFailure) -> ACMEAccount {
        do {
            if FileSystem.exists(path) {
                let bytes = try FileSystem.readFile(path, maximum: 1 << 16)
                return try ACMEAccount(try PrivateKey(pem: String(decoding: bytes, as: UTF8.self)))
            }
            let key = try PrivateKey.generate(.es256)
            try FileSystem.writeFileAtomically(path, try key.pem())
            return try ACMEAccount(key)
        } catch {
            throw ACMEFailure(.local, "the account key \(path) cannot be used: \(error)")
        }
    }

    /// What proves to a validator that a token is ours (§8.1).
    func keyAuthorization(_ token: String) -> String { "\(token).\(jwk.thumbprint)" }

    /// A request body: a flattened JWS (RFC 7515 §7.2.2). Nil as `payload` is POST-as-GET (§6.3). `id` is the account's URL;
    /// nil while it has none.
    func sign(_ payload: JSONValue?, url: String, nonce: String, id: String?) throws(CryptoError) -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("alg", .string(key.algorithm.rawValue)), .init("nonce", .string(nonce)), .init("url", .string(url)),
        ]
        members.append(id.map { .init("kid", .string($0)) } ?? .init("jwk", jwk.json()))
        let header = Base64URL.encode(JSONValue.object(members).serialized())
        let content = Base64URL.encode(payload?.serialized() ?? [])
        let signature = try key.sign(Array("\(header).\(content)".utf8))
        let body: JSONValue = [
            "protected": .string(header), "payload": .string(content),
            "signature": .string(Base64URL.encode(signature)),
        ]
        return body.serialized()
    }
}
