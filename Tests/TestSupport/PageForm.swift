import Foundation

/// A form of an HTML page, as a browser without scripts would see it.
package struct PageForm: Sendable {
    package struct Field: Sendable {
        package var name: String
        package var value: String
        package var type: String
    }

    package var action: String
    package var method: String
    package var fields: [Field]
    /// Submit buttons; at most one of them is sent.
    package var buttons: [Field]

    /// The forms of a page.
    package static func all(in page: String) -> [PageForm] {
        page.matches(of: /(?is)<form\b([^>]*)>(.*?)<\/form>/).map { match in
            let attributes = Self.attributes(of: String(match.1))
            var form = PageForm(
                action: attributes["action"] ?? "", method: (attributes["method"] ?? "get").uppercased(), fields: [],
                buttons: [])
            for tag in match.2.matches(of: /(?is)<(input|button|select|textarea)\b([^>]*)>/) {
                form.add(tag: tag.1.lowercased(), Self.attributes(of: String(tag.2)))
            }
            return form
        }
    }

    private mutating func add(tag: String, _ attributes: [String: String]) {
        guard let name = attributes["name"], attributes["disabled"] == nil else { return }
        let type = attributes["type"]?.lowercased() ?? (tag == "button" ? "submit" : "text")
        let field = Field(name: name, value: attributes["value"] ?? (type == "checkbox" ? "on" : ""), type: type)
        switch type {
        case "submit", "image": buttons.append(field)
        case "button", "reset": break
        case "checkbox", "radio": if attributes["checked"] != nil { fields.append(field) }
        default: fields.append(field)
        }
    }

    /// Attributes of a tag, names in lower case, values unescaped.
    private static func attributes(of text: String) -> [String: String] {
        var found: [String: String] = [:]
        for match in text.matches(of: /([A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/) {
            found[match.1.lowercased()] = unescape(String(match.2 ?? match.3 ?? match.4 ?? ""))
        }
        return found
    }

    /// Replaces the character references that our pages use.
    package static func unescape(_ text: String) -> String {
        var result = text
        let table = [
            "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#34;": "\"", "&#39;": "'", "&#x27;": "'", "&amp;": "&",
        ]
        for (escaped, plain) in table where escaped != "&amp;" {
            result = result.replacingOccurrences(of: escaped, with: plain)
        }
        return result.replacingOccurrences(of: "&amp;", with: "&")
    }

    /// The urlencoded body of sending this form with `button`.
    package func encoded(pressing button: Field?) -> String {
        FormEncoding.encode((fields + (button.map { [$0] } ?? [])).map { ($0.name, $0.value) })
    }
}

/// application/x-www-form-urlencoded.
package enum FormEncoding {
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    package static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
    }

    package static func escape(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// The query parameters of a URL.
    package static func query(of url: String) -> [String: String] {
        guard let items = URLComponents(string: url)?.queryItems else { return [:] }
        return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, _ in first }
    }
}
