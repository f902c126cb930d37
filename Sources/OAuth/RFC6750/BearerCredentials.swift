package import HTTP

/// The bearer token of a request (RFC 6750 §2.1). Tokens in the query or the body are not looked at.
package enum BearerCredentials: Sendable, Equatable {
    /// No `Authorization`, or one of another scheme: 401 without an error code (R01).
    case none
    /// More than one `Authorization`: 400 `invalid_request`, because two readers could pick two tokens (R01).
    case malformed
    /// What followed `Bearer`; not verified. Empty where it is something that no token can be: no verifier takes that, and
    /// the answer is 401 `invalid_token` (RFC 6750 §3.1), which makes a client log in again instead of giving up.
    case token(String)

    /// Longest token that is looked at.
    package static let maximumTokenBytes = 16_384

    /// Reads the request's fields.
    package static func parse(_ fields: HTTPFields) -> BearerCredentials {
        BearerCredentials(authorization: fields.values("authorization"))
    }

    /// Reads all `Authorization` values of a request.
    package init(authorization values: [String]) {
        guard let value = values.first else {
            self = .none
            return
        }
        guard values.count == 1 else {
            self = .malformed
            return
        }
        let bytes = value.utf8
        let scheme = bytes.prefix { $0 != 0x20 }
        guard scheme.count == 6, scheme.map(AbsoluteURI.lowercased).elementsEqual("bearer".utf8) else {
            self = .none
            return
        }
        let token = bytes.dropFirst(6).drop { $0 == 0x20 }
        guard !token.isEmpty, token.count <= Self.maximumTokenBytes, token.allSatisfy(Self.isTokenByte) else {
            self = .token("")
            return
        }
        self = .token(String(Substring(token)))
    }

    // b64token: the only bytes that a bearer token can be made of.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2B, 0x2F, 0x3D: true
        default: false
        }
    }
}
