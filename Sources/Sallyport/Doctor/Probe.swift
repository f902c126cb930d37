import HTTP
import JSON

/// A request that some client would send.
struct Probe: Sendable, Hashable {
    /// A field of its head.
    struct Field: Sendable, Hashable {
        let name: String
        let value: String
    }

    var method = HTTPMethod.get
    let url: HTTPURL
    var fields: [Field] = []
    var body: [UInt8] = []

    /// As a person reads it.
    var text: String { "\(method.rawValue) \(url.origin)\(url.path.isEmpty ? "/" : url.path)" }

    /// The same with a field more.
    func adding(_ name: String, _ value: String?) -> Probe {
        guard let value else { return self }
        var probe = self
        probe.fields.append(Field(name: name, value: value))
        return probe
    }

    /// For a document.
    static func document(_ url: HTTPURL) -> Probe {
        Probe(url: url).adding("Accept", "application/json")
    }

    /// A JSON-RPC message, as Streamable HTTP sends it.
    static func message(_ message: JSONValue, to url: HTTPURL) -> Probe {
        Probe(method: .post, url: url, body: message.serialized())
            .adding("Content-Type", "application/json").adding("Accept", "application/json, text/event-stream")
    }

    /// JSON for an endpoint of OAuth.
    static func json(_ value: JSONValue, to url: HTTPURL) -> Probe {
        Probe(method: .post, url: url, body: value.serialized())
            .adding("Content-Type", "application/json").adding("Accept", "application/json")
    }
}

/// What came of a ``Probe``.
struct Observation: Sendable {
    /// An answer, whatever its status.
    struct Answer: Sendable {
        let status: Int
        let fields: HTTPFields
        /// The content where it is JSON, or of an event stream the response in it.
        let root: JSONNode?
        let time: Duration

        var isSuccess: Bool { (200..<300).contains(status) }
        var isEventStream: Bool { fields["content-type"]?.lowercased().hasPrefix("text/event-stream") == true }
        var isRedirect: Bool { (300..<400).contains(status) }

        /// What an OAuth or a JSON-RPC error says.
        var complaint: String? {
            let error = root?["error"]
            let words = [root?["error_description"]?.string, error?["message"]?.string, error?.string].compactMap { $0 }
            return words.first
        }
    }

    let probe: Probe
    let result: Result<Answer, HTTPClientError>

    var answer: Answer? { try? result.get() }

    /// One line: what was asked, and what came.
    var text: String {
        switch result {
        case .success(let answer):
            "\(probe.text): \(answer.status)\(answer.complaint.map { " (\($0))" } ?? "")"
        case .failure(let error): "\(probe.text): \(error)"
        }
    }
}
