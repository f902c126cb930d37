import Foundation
import HTTP
import JSON
import Testing

/// What an endpoint answered.
struct Answer {
    let response: HTTPResponse

    var status: Int { response.status.code }

    var location: String? { response.fields["location"] }

    var bytes: [UInt8] {
        if case .bytes(let bytes) = response.body { return bytes }
        return []
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func header(_ name: HTTPFieldName) -> String? {
        response.fields.values(name).first
    }

    func headers(_ name: HTTPFieldName) -> [String] {
        response.fields.values(name)
    }

    func json() throws -> JSONNode { try JSONDocument(parsing: bytes).root }

    func member(_ name: StaticString) throws -> String? { try json()[name]?.string }

    /// The parameters of the redirect.
    var locationParameters: [String: String] {
        guard let location, let items = URLComponents(string: location)?.queryItems else { return [:] }
        return Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    /// The hidden and visible fields of the page's form that has `decision` or `action` when one is asked for.
    func form(decision: String? = nil, action: String? = nil) -> [String: String] {
        let forms = text.components(separatedBy: "<form").dropFirst()
        for form in forms where action.map({ form.contains("action=\"\($0)\"") }) ?? true {
            var fields: [String: String] = [:]
            for input in form.components(separatedBy: "<input").dropFirst() {
                guard let name = Answer.attribute("name", of: input) else { continue }
                fields[name] = Answer.attribute("value", of: input) ?? ""
            }
            if decision == nil || fields["decision"] == decision { return fields }
        }
        return [:]
    }

    private static func attribute(_ name: String, of tag: String) -> String? {
        let element = tag.components(separatedBy: ">")[0]
        guard let start = element.range(of: " \(name)=\"") else { return nil }
        return element[start.upperBound...].components(separatedBy: "\"")[0]
            .replacingOccurrences(of: "&amp;", with: "&")
    }
}
