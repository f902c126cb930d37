/// A link of the hash chain through the audit trail.
///
/// Whatever is appended at once ends with a line that carries `"chain"`, the SHA-256 of the seal before it and of every byte
/// of the file since then. So no line can be changed, removed or put in without the next seal telling; who notes a seal
/// elsewhere can also tell when the whole rest was written anew.
package struct AuditSeal: Sendable, Hashable, CustomStringConvertible {
    /// SHA-256. Handed in, because `Crypto` stands on this module.
    package typealias Digest = @Sendable ([UInt8]) -> [UInt8]

    /// 64 lower-case hexadecimal digits.
    let digits: [UInt8]

    /// What the first trail of all continues.
    static let genesis = AuditSeal(unchecked: [UInt8](repeating: UInt8(ascii: "0"), count: 64))

    /// Reads 64 lower-case hexadecimal digits; nil when they are something else.
    package init?(_ text: some Collection<UInt8>) {
        guard text.count == 64, text.allSatisfy({ Self.alphabet.contains($0) }) else { return nil }
        digits = Array(text)
    }

    /// The seal of `bytes`, which follow the seal `previous`.
    init(after previous: AuditSeal, _ bytes: ArraySlice<UInt8>, digest: Digest) {
        self.init(ofChained: previous.digits + bytes, digest: digest)
    }

    /// The seal of `bytes` that have the digits of the seal before at their front.
    init(ofChained bytes: [UInt8], digest: Digest) {
        digits = digest(bytes).flatMap { [Self.alphabet[Int($0 >> 4)], Self.alphabet[Int($0 & 15)]] }
    }

    private init(unchecked digits: [UInt8]) { self.digits = digits }

    package var description: String { String(decoding: digits, as: UTF8.self) }

    /// What a sealed line has in place of the `}` of an unsealed one.
    var lineEnd: [UInt8] { Self.opening + digits + Self.closing }

    /// The seal at the end of `line`, which has no line end, and how many bytes come before it; nil when it has none.
    ///
    /// Only a member of the event itself can end so: quotation marks in a text are escaped, and the detail ends with `}}`.
    static func atEnd(of line: ArraySlice<UInt8>) -> (seal: AuditSeal, sealed: Int)? {
        let start = line.endIndex - opening.count - 64 - closing.count
        guard start >= line.startIndex, line[start...].starts(with: opening),
            line.suffix(closing.count).elementsEqual(closing),
            let seal = AuditSeal(line[(start + opening.count)..<(line.endIndex - closing.count)])
        else { return nil }
        return (seal, start - line.startIndex)
    }

    private static let alphabet = Array("0123456789abcdef".utf8)
    private static let opening = Array(",\"chain\":\"".utf8)
    private static let closing = Array("\"}".utf8)
}
