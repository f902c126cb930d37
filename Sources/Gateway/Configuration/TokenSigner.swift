/// Signs in the name of this gateway, with a key whose public half is at `/jwks`.
package protocol TokenSigner: Sendable {
    /// `payload` as a JWS of this `typ`; nil where there is no key.
    func sign(_ payload: [UInt8], type: String) -> String?
}
