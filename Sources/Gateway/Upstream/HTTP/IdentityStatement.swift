import Crypto
import JSON
import OAuth
import Telemetry

/// `X-Sallyport-Identity`: for whom an upstream works, so that it can be verified (RFC 7519). For this upstream only, and
/// for minutes; its `typ` keeps it from being taken for an access token (RFC 8725 §3.11).
struct IdentityStatement {
    static let type = "sallyport-identity+jwt"
    static let lifetime = Duration.seconds(120)

    let principal: Principal
    /// Who says so.
    let issuer: String
    /// The address of the upstream.
    let audience: String

    /// The claims at `now`.
    func payload(at now: Timestamp) -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("iss", .string(issuer)), .init("sub", .string(principal.user.value)),
            .init("aud", .string(audience)), .init("iat", .integer(now.seconds)),
            .init("exp", .integer((now + Self.lifetime).seconds)), .init("jti", .string(Random.token(""))),
            .init("name", .string(principal.userName)), .init("client_id", .string(principal.client.value)),
        ]
        if let email = principal.email { members.append(.init("email", .string(email))) }
        return JSONValue.object(members).serialized()
    }
}
