import Crypto
import OAuth
import Telemetry

/// A signing key, unsealed.
struct SigningKey: Sendable {
    let record: SigningKeyRecord
    let algorithm: SignatureAlgorithm
    let privateKey: PrivateKey
    let publicKey: PublicKey

    /// Makes a key and seals it for the store. RSA takes tens of milliseconds: call it off the loops.
    static func make(
        _ algorithm: SignatureAlgorithm, sealing: SealingKey, at now: Timestamp, signsFrom: Timestamp
    ) throws -> SigningKeyRecord {
        let key = try PrivateKey.generate(algorithm)
        let id = JSONWebKey(try key.publicKey()).thumbprint
        let sealed = try sealing.seal(try key.der(), authenticating: Array(id.utf8))
        return SigningKeyRecord(
            id: id, algorithm: algorithm.rawValue, sealedPrivateKey: sealed, createdAt: now, signsFrom: signsFrom)
    }

    /// Opens a stored key. Throws when it cannot be unsealed: guessing on would sign with keys nobody trusts.
    init(_ record: SigningKeyRecord, sealing: SealingKey) throws {
        guard let algorithm = SignatureAlgorithm(rawValue: record.algorithm),
            let der = sealing.open(record.sealedPrivateKey, authenticating: Array(record.id.utf8))
        else { throw StoreError(.corrupt, detail: "a signing key cannot be unsealed: is this the right sealing key?") }
        self.record = record
        self.algorithm = algorithm
        privateKey = try PrivateKey(der: der)
        publicKey = try privateKey.publicKey()
    }
}
