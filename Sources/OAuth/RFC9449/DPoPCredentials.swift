package import HTTP

/// The access token of a request that proves possession of its key: `Authorization: DPoP …` (RFC 9449 §7.1).
package enum DPoPCredentials: Sendable, Equatable {
    /// What followed `DPoP`; not verified. Empty where it is something that no token can be.
    case token(String)
    /// Another scheme, or no `Authorization` at all.
    case none

    /// Reads the request's fields. More than one `Authorization` is the business of `BearerCredentials`, which is asked first.
    package init(_ fields: HTTPFields) {
        guard let value = fields.values("authorization").first else {
            self = .none
            return
        }
        let bytes = value.utf8
        let scheme = bytes.prefix { $0 != 0x20 }
        guard scheme.map(AbsoluteURI.lowercased).elementsEqual("dpop".utf8) else {
            self = .none
            return
        }
        let token = bytes.dropFirst(scheme.count).drop { $0 == 0x20 }
        guard !token.isEmpty, token.count <= BearerCredentials.maximumTokenBytes, token.allSatisfy(Self.isTokenByte)
        else {
            self = .token("")
            return
        }
        self = .token(String(Substring(token)))
    }

    // token68.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2B, 0x2F, 0x3D: true
        default: false
        }
    }
}
