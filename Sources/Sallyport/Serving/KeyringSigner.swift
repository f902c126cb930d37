import AuthorizationServer
import Crypto
import Gateway
import Telemetry

/// Signs for the gateway with the keys of the authorization server, whose public halves are at `/jwks`.
struct KeyringSigner: TokenSigner {
    let keyring: SigningKeyring
    let algorithm: SignatureAlgorithm
    let clock: WallClock

    func sign(_ payload: [UInt8], type: String) -> String? {
        // Without a key nothing is stated; access tokens cannot be issued then either, which is reported there.
        try? keyring.sign(payload, type: type, algorithm: algorithm, at: clock.now())
    }
}
