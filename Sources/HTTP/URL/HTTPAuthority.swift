import AsyncIO

/// `host[:port]`, in a URL and in the `Host` field.
enum HTTPAuthority {
    static func parse(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> (host: HTTPURL.Host, port: Int?) {
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")),
                let address = IPAddress(bytes: Array(bytes[(bytes.startIndex + 1)..<end])), address.bitWidth == 128
            else { throw .host }
            return (.address(address), try parsePort(bytes[(end + 1)...]))
        }
        let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        return (try parseHost(bytes[..<end]), try parsePort(bytes[end...]))
    }

    /// A name of letters, digits, hyphens and underscores in labels, or a dotted quad.
    ///
    /// What ends in a number but is no dotted quad is refused: `127.1` and `0x7f.1` are addresses to some programs. So
    /// is a trailing dot, which makes another text of the same host.
    private static func parseHost(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> HTTPURL.Host {
        guard (1...253).contains(bytes.count) else { throw .host }
        let lower = bytes.map(ByteClass.lowercased)
        let labels = lower.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels {
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
                label.allSatisfy({ isLabel($0) })
            else { throw .host }
        }
        guard let last = labels.last, let first = last.first else { throw .host }
        let isNumber =
            last.allSatisfy(ByteClass.isDigit)
            || first == UInt8(ascii: "0") && last.dropFirst().first == UInt8(ascii: "x")
                && last.dropFirst(2).allSatisfy(ByteClass.isHex)
        if isNumber {
            guard let address = IPAddress(bytes: lower) else { throw .host }
            return .address(address)
        }
        return .name(String(decoding: lower, as: UTF8.self))
    }

    private static func isLabel(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || ByteClass.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    /// Nothing, or a colon and 1…65535 without a leading zero.
    private static func parsePort(_ bytes: ArraySlice<UInt8>) throws(HTTPURLError) -> Int? {
        guard let colon = bytes.first else { return nil }
        let digits = bytes.dropFirst()
        guard colon == UInt8(ascii: ":"), digits.count <= 5, digits.first != UInt8(ascii: "0"),
            let port = ByteClass.decimal(digits), port <= 65_535
        else { throw .port }
        return port
    }
}
