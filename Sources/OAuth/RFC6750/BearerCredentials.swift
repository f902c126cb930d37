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
        guard let value = fields.bytes("authorization") else { return .none }
        return fields.count(of: "authorization") == 1 ? BearerCredentials(value) : .malformed
    }

    // Plain loops over spans: this is read on every call, and collection algorithms took a twentieth of its time.
    private init(_ value: ArraySlice<UInt8>) {
        let bytes = value.span
        guard Self.isBearer(bytes) else {
            self = .none
            return
        }
        var start = Self.scheme.utf8CodeUnitCount
        while start < bytes.count, bytes[start] == 0x20 { start &+= 1 }
        let token = value[(value.startIndex &+ start)...]
        guard !token.isEmpty, token.count <= Self.maximumTokenBytes, Self.isToken(token.span) else {
            self = .token("")
            return
        }
        self = .token(String(decoding: token, as: UTF8.self))
    }

    private static let scheme: StaticString = "bearer"

    private static func isBearer(_ value: Span<UInt8>) -> Bool {
        let count = scheme.utf8CodeUnitCount
        guard value.count == count || value.count > count && value[count] == 0x20 else { return false }
        return scheme.withUTF8Buffer { wanted in
            for position in 0..<count where unsafe AbsoluteURI.lowercased(value[position]) != wanted[position] {
                return false
            }
            return true
        }
    }

    // b64token: the only bytes that a bearer token can be made of. Without a way out of the loop, and without branches in
    // it, the compiler looks at many bytes at a time.
    private static func isToken(_ bytes: Span<UInt8>) -> Bool {
        var strangers: UInt8 = 0
        for position in bytes.indices {
            let byte = bytes[position]
            let isLetter = (byte | 0x20) &- 0x61 < 26
            // `-` `.` `/` and the digits; `+` `=` `_` `~`.
            let isDigit = byte &- 0x2D < 13
            let isOther = UInt8(byte == 0x2B) | UInt8(byte == 0x3D) | UInt8(byte == 0x5F) | UInt8(byte == 0x7E)
            strangers |= (UInt8(isLetter) | UInt8(isDigit) | isOther) ^ 1
        }
        return strangers == 0
    }
}

extension UInt8 {
    fileprivate init(_ condition: Bool) { self = condition ? 1 : 0 }
}
