import AsyncIO

/// Parses the address to listen on.
enum ListenAddress {
    /// Why a text is none.
    struct ParseError: Error {
        /// What would be right.
        let hint: String
    }

    /// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/path`.
    static func parse(_ text: String) throws(ParseError) -> SocketAddress {
        if Units.integer(text) != nil { throw ParseError(hint: "write 127.0.0.1:\(text)") }
        if text.hasPrefix(":") { throw ParseError(hint: "write 127.0.0.1\(text), or 0.0.0.0\(text) for every network") }
        let spelled = text.hasPrefix("localhost:") ? "127.0.0.1" + text.dropFirst("localhost".count) : text
        do {
            return try SocketAddress(parsing: spelled)
        } catch {
            throw ParseError(hint: "write an address and a port, like 127.0.0.1:8080 or [::1]:8080")
        }
    }
}

extension ConfigurationValue {
    /// An address to listen on.
    func listenAddress() -> SocketAddress? {
        guard let text = nonEmptyString() else { return nil }
        do throws(ListenAddress.ParseError) {
            return try ListenAddress.parse(text)
        } catch {
            refuse("\"\(text)\" is not an address to listen on", hint: error.hint)
            return nil
        }
    }
}
