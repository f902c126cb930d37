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

    private static let byName = allCases.map { (name: Array($0.rawValue.utf8), method: $0) }

    /// From the bytes of a request line; nil for every other word.
    package init?(bytes: some Sequence<UInt8>) {
        for (name, method) in Self.byName where name.elementsEqual(bytes) {
            self = method
            return
        }
        return nil
    }
}
