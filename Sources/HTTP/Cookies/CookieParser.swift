/// Reads `Cookie` fields, RFC 6265 §4.2.
package enum CookieParser {
    /// The value of a cookie; nil when it is absent or comes more than once.
    ///
    /// A second cookie of the same name is what a sibling domain plants: neither of the two can be trusted.
    package static func value(of name: String, in fields: HTTPFields) -> String? {
        var found: String?
        for (other, value) in pairs(in: fields) where other.utf8.elementsEqual(name.utf8) {
            if found != nil { return nil }
            found = value
        }
        return found
    }

    /// The names of all cookies, repeated ones repeatedly.
    package static func names(in fields: HTTPFields) -> [String] {
        pairs(in: fields).map(\.name)
    }

    /// Pairs whose name is no token or whose value has characters that no cookie has are left out.
    private static func pairs(in fields: HTTPFields) -> [(name: String, value: String)] {
        fields.values("cookie").flatMap { line in
            Array(line.utf8).split(separator: UInt8(ascii: ";")).compactMap { part in
                let pair = ByteClass.trimmed(part)
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return nil }
                let name = pair[..<equals]
                let value = pair[(equals + 1)...]
                guard !name.isEmpty, name.allSatisfy(ByteClass.isToken), value.allSatisfy(isCookieOctet) else {
                    return nil
                }
                return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
            }
        }
    }

    /// RFC 6265 §4.1.1 `cookie-octet`, and the quote that may surround a value.
    static func isCookieOctet(_ byte: UInt8) -> Bool {
        byte > 32 && byte < 127 && byte != UInt8(ascii: ",") && byte != UInt8(ascii: ";") && byte != UInt8(ascii: "\\")
    }
}
