import AsyncIO
import HTTP

/// Requests as the server would have admitted them.
enum RequestFactory {
    static func make(
        _ method: HTTPMethod, _ target: String, fields: [(String, String)], body: [UInt8], origin: String,
        from address: String
    ) -> (HTTPRequest, HTTPRequestBody) {
        var head = HTTPFields()
        for (name, value) in fields {
            if let name = HTTPFieldName(validating: name) { head.append(name, value) }
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let isSecure = origin.hasPrefix("https://")
        let request = HTTPRequest(
            method: method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : nil, fields: head,
            remoteAddress: (try? SocketAddress(ip: address, port: 5000)) ?? .ip(.v4(0), port: 0),
            authority: String(origin.dropFirst(isSecure ? 8 : 7)), scheme: isSecure ? .https : .http)
        return (request, HTTPRequestBody(body))
    }
}
