import OAuth

/// The keys by which clients sign.
struct ClientKeys: Sendable {
    /// The keys of a client that may have signed a message with this `kid`; none where there is no such key.
    func keys(of client: RegisteredClient, keyID: [UInt8]?) async throws -> [JSONWebKey] {
        client.metadata.keys.candidates(keyID: keyID)
    }
}
