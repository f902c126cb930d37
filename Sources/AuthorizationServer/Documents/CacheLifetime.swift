import HTTP

/// How long an answer stays fresh (RFC 9111 §4.2), as far as documents of clients need it.
enum CacheLifetime {
    /// `max-age` less the `Age` it has already; zero for what must not be kept; nil where nothing is said.
    static func of(_ fields: HTTPFields) -> Duration? {
        var lifetime: Int?
        for value in fields.values("cache-control") {
            for directive in value.utf8.split(separator: UInt8(ascii: ",")) {
                let text = String(Substring(directive)).lowercased().filter { $0 != " " && $0 != "\t" }
                if text == "no-store" || text == "no-cache" || text.hasPrefix("no-cache=") { return .zero }
                guard text.hasPrefix("max-age=") else { continue }
                let seconds = seconds(text.dropFirst(8)) ?? 0
                // Of two, the shorter one counts (RFC 9111 §4.2.1).
                lifetime = min(lifetime ?? seconds, seconds)
            }
        }
        guard let lifetime else { return nil }
        return .seconds(max(0, lifetime - (fields["age"].flatMap { seconds($0[...]) } ?? 0)))
    }

    /// delta-seconds (RFC 9111 §1.2.2), bounded: a year is for ever.
    private static func seconds(_ text: Substring) -> Int? {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "\"") }
        guard (1...20).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { min(31_536_000, $0 * 10 + Int($1 - 0x30)) }
    }
}
