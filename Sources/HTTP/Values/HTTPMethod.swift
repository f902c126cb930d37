/// The request methods that the server takes, RFC 9110 §9 and RFC 5789. Names are case-sensitive.
///
/// CONNECT and TRACE are not among them: both are refused before a handler sees them (H10).
package enum HTTPMethod: String, Hashable, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case options = "OPTIONS"
    case patch = "PATCH"

    /// From the bytes of a request line; nil for every other word.
    package init?(bytes: some Sequence<UInt8>) {
        guard let method = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(bytes) }) else { return nil }
        self = method
    }
}
