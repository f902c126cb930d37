import HTTP
import JSON
import OAuth

/// For which resource and issuer a token must be good, so that `/verify` says yes.
enum AskedAudience {
    typealias Choice = (resource: ProtectedResource, identifier: String, issuer: String)

    /// For one resource: that one, under each name that we have. For none in particular: the endpoint of ours that the token
    /// says it is for. What the token says is only a hint whom to ask; the verifier believes nothing unproven.
    static func choices(
        _ token: String, _ asked: ProtectedResource?, _ origins: [ServerOrigin],
        _ directory: any ProtectedResourceDirectory
    ) -> [Choice] {
        if let asked { return origins.map { (asked, asked.identifier(at: $0.description), $0.description) } }
        guard let claims = claims(token) else {
            // An API key does not say where it counts.
            return origins.prefix(1).flatMap { pairs($0, directory) }
        }
        let issuer = claims["iss"]?.string
        let audience = claims["aud"]?.string.map { [$0] } ?? claims["aud"]?.elements.compactMap(\.string) ?? []
        let named = origins.filter { $0.description == issuer }
        let places = (named.isEmpty ? Array(origins.prefix(1)) : named).flatMap { Self.pairs($0, directory) }
        return places.first { pair in audience.contains { $0.utf8.elementsEqual(pair.identifier.utf8) } }.map { [$0] }
            ?? []
    }

    private static func pairs(_ origin: ServerOrigin, _ directory: any ProtectedResourceDirectory) -> [Choice] {
        directory.all.map { ($0, $0.identifier(at: origin.description), origin.description) }
    }

    private static func claims(_ token: String) -> JSONNode? {
        // What cannot be read as a JWS is no JWS, for whatever reason.
        try? UnverifiedJWS(Array(token.utf8)).unverifiedClaims()
    }
}
