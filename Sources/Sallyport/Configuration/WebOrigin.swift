import HTTP

/// `scheme://host[:port]` as an operator writes it (RFC 6454 §6.2): no path, no query, no user.
enum WebOrigin {
    /// Why a text is not an origin.
    enum ParseError: Error, Equatable {
        case url(HTTPURLError)
        /// Something follows the host and port.
        case tail
    }

    /// The URL in `text`; a final slash, as browsers show it, changes nothing.
    static func parse(_ text: String) throws(ParseError) -> HTTPURL {
        let url: HTTPURL
        do throws(HTTPURLError) {
            url = try HTTPURL(text)
        } catch {
            throw .url(error)
        }
        guard url.path.isEmpty || url.path == "/", url.query == nil, url.fragment == nil else { throw .tail }
        return url
    }
}

extension HTTPURL {
    /// Whether a network lies between this machine and the host, and everybody on it can read along.
    var isInTheClear: Bool { scheme == .http && !host.isLoopback }
}
