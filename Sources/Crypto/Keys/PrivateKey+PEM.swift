extension PrivateKey {
    /// Reads the one key of a PEM text (RFC 7468 §10): `PRIVATE KEY`, or the older `RSA PRIVATE KEY` and `EC PRIVATE KEY`.
    /// `\n` written as two characters, as environment variables carry it, ends a line too.
    package init(pem text: String) throws(CryptoError) {
        let lines = text.split { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
            .flatMap { line in Self.lines(of: line) }
        guard let first = lines.first, let last = lines.last, lines.count > 2,
            first.hasPrefix("-----BEGIN "), first.hasSuffix("PRIVATE KEY-----"), last.hasPrefix("-----END "),
            let der = Base64.decode(lines.dropFirst().dropLast().joined())
        else { throw CryptoError(.invalidKey, "not a private key in PEM") }
        try self.init(der: der)
    }

    private static func lines(of line: Substring) -> [String] {
        var lines: [[UInt8]] = [[]]
        var bytes = Array(line.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "\\"), bytes.first == UInt8(ascii: "n") {
                bytes.removeFirst()
                lines.append([])
            } else {
                lines[lines.count - 1].append(byte)
            }
        }
        return lines.map { line in
            let kept = line.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }.reversed()
            return String(decoding: Array(kept), as: UTF8.self)
        }.filter { !$0.isEmpty }
    }
}
