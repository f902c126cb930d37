import HTTP
import OAuth

/// The header fields by which an upstream learns who asks.
struct IdentityHeaders {
    private struct Field {
        let name: HTTPFieldName
        let spelling: FieldNameSpelling

        init(_ name: StaticString) {
            self.name = HTTPFieldName(stringLiteral: name)
            spelling = FieldNameSpelling(name)
        }
    }

    private static let user = Field("X-User-Id")
    private static let userName = Field("X-User-Name")
    private static let email = Field("X-User-Email")
    private static let client = Field("X-Client-Id")
    private static let scope = Field("X-Scope")
    private static let token = Field("X-Auth-Token")
    private static let all = [user, userName, email, client, scope, token, Field("X-Sallyport-Identity")]

    private let values: [(field: Field, value: String)]

    /// What is said about a principal; `token` only where the operator wants the upstream to have it.
    init(_ principal: Principal, token: String?) {
        var values = [
            (Self.user, principal.user.value), (Self.userName, Self.plain(principal.userName)),
            (Self.client, principal.client.value), (Self.scope, principal.scope.description),
        ]
        if let email = principal.email { values.append((Self.email, Self.plain(email))) }
        if let token { values.append((Self.token, token)) }
        self.values = values.map { (field: $0.0, value: $0.1) }
    }

    /// For the proxy to copy. A value that cannot be a field makes the whole answer a 500: nothing is let through.
    var fields: HTTPFields {
        var fields = HTTPFields()
        for (field, value) in values { fields.append(field.name, value) }
        return fields
    }

    /// Whether a request brings a field of its own that the upstream could take for one of ours (R07).
    ///
    /// A proxy puts our fields over the client's of the same name, and passes everything else on. So other spellings
    /// (`X_User_Id`) reach the upstream, and so may a field for which we have no value.
    func isForged(in fields: HTTPFields) -> Bool {
        Self.all.contains { field in
            let isAnswered = values.contains { $0.field.spelling == field.spelling }
            return fields.contains(field.spelling, exceptExact: isAnswered)
        }
    }

    // A name is what its owner or a provider made of it: what would break the line is left out.
    static func plain(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return text }
        let kept = text.unicodeScalars.filter { $0.properties.generalCategory != .control }
        return String(String.UnicodeScalarView(kept))
    }
}
