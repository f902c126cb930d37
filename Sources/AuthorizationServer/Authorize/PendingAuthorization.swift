import JSON
import OAuth

/// A checked authorization request, as its transaction keeps it across login and consent.
struct PendingAuthorization: Equatable {
    var client: ClientID
    var redirectURI: String
    var state: String?
    var scope: Scope
    var resources: [String]
    var codeChallenge: String
    var issuer: String
    /// The DPoP key to which the code will be bound.
    var keyThumbprint: String?
    /// The client wants the user to show who they are, even when an identity provider knows them (`prompt=login`).
    var forcesLogin = false
    /// The device that asked; then nothing is redirected to a client.
    var device: DevicePairing?

    /// As it is stored.
    func serialized() -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("client", .string(client.value)), .init("redirect_uri", .string(redirectURI)),
            .init("scope", .array(scope.tokens.map { .string($0) })),
            .init("resources", .array(resources.map { .string($0) })),
            .init("code_challenge", .string(codeChallenge)), .init("issuer", .string(issuer)),
        ]
        if let device { members.append(.init("device", .array(device.serialized.map { .string($0) }))) }
        if let keyThumbprint { members.append(.init("key_thumbprint", .string(keyThumbprint))) }
        if let state { members.append(.init("state", .string(state))) }
        if forcesLogin { members.append(.init("forces_login", true)) }
        return JSONValue.object(members).serialized()
    }

    /// Reads what `serialized` wrote; anything else is a damaged store.
    static func parse(_ bytes: [UInt8]) throws(StoreError) -> PendingAuthorization {
        guard let document = try? JSONDocument(parsing: bytes),  // any error means the same here
            let client = document.root["client"]?.string, let uri = document.root["redirect_uri"]?.string,
            let scope = document.root["scope"], let resources = document.root["resources"],
            let challenge = document.root["code_challenge"]?.string, let issuer = document.root["issuer"]?.string
        else { throw StoreError(.corrupt, detail: "authorization transaction cannot be read") }
        return PendingAuthorization(
            client: ClientID(client), redirectURI: uri, state: document.root["state"]?.string,
            scope: Scope(tokens: scope.elements.compactMap { $0.string }),
            resources: resources.elements.compactMap { $0.string }, codeChallenge: challenge, issuer: issuer,
            keyThumbprint: document.root["key_thumbprint"]?.string,
            forcesLogin: document.root["forces_login"]?.boolean ?? false,
            device: document.root["device"].flatMap { DevicePairing($0.elements.compactMap(\.string)) })
    }
}
