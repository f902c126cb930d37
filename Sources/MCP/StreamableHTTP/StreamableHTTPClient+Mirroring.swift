import HTTP
import JSON
import Telemetry

// Header fields made of a tool's arguments (c13): what a tool mirrors its server says in its list, and may say otherwise since.
extension StreamableHTTPClient {
    private static let maximumPages = 100

    /// Whether an answer says that header fields do not agree with the body, so that the request was not acted upon.
    static func isMismatch(_ answer: [UInt8]) -> Bool {
        (try? JSONDocument(parsing: answer))?.root["error"]?["code"]?.integer == JSONRPCError.Code.headerMismatch.value
    }

    /// Asks what the tools of the server are now; false where it does not say. `version` is the revision that is claimed.
    func learnTools(_ version: String) async throws(ExchangeFailure) -> Bool {
        var cursor: [UInt8]?
        for _ in 0..<Self.maximumPages {
            guard let first = try? JSONDocument(parsing: Self.envelope(version)).root,
                let message = own("tools/list", ListMemory.parameters(first, cursor: cursor))
            else { return false }
            var page: JSONDocument?
            let response = try await post(message).response
            guard response.status == .ok else { return false }
            try await read(response, until: message) { text in
                guard let document = try? JSONDocument(parsing: text) else { return }
                if document.root["id"].flatMap({ JSONRPCID($0) }) == message.exactID { page = document }
            }
            guard let list = page?.root["result"]?["tools"], list.isArray else { return false }
            _ = tools.learn(list)
            cursor = page?.root["result"]?["nextCursor"]?.stringBytes
            if cursor == nil { return true }
        }
        return true
    }
}
