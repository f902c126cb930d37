/// Classes of bytes in the grammar of HTTP and of URIs, as a table: one load a byte.
enum ByteClass {
    private static let token: UInt8 = 1
    private static let unreserved: UInt8 = 2
    private static let path: UInt8 = 4
    private static let query: UInt8 = 8
    private static let fieldContent: UInt8 = 16
    private static let hex: UInt8 = 32

    private static let table: [UInt8] = (0...255).map { (byte: UInt8) in
        let isAlphanumeric =
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        var bits: UInt8 = 0
        if isAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains(byte) { bits |= token }
        if isAlphanumeric || "-._~".utf8.contains(byte) { bits |= unreserved }
        if isAlphanumeric || "-._~!$&'()*+,=:@".utf8.contains(byte) { bits |= path }
        if isAlphanumeric || "-._~!$&'()*+,;=:@/?%".utf8.contains(byte) { bits |= query }
        if byte == 9 || byte >= 32 && byte != 127 { bits |= fieldContent }
        if (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte) { bits |= hex }
        return bits
    }

    /// RFC 9110 §5.6.2.
    static func isToken(_ byte: UInt8) -> Bool { table[Int(byte)] & token != 0 }
    /// RFC 3986 §2.3.
    static func isUnreserved(_ byte: UInt8) -> Bool { table[Int(byte)] & unreserved != 0 }
    /// RFC 3986 §3.3 `pchar` but for `%` and for `;`, which some servers cut off.
    static func isPath(_ byte: UInt8) -> Bool { table[Int(byte)] & path != 0 }
    /// RFC 3986 §3.4 and `%`.
    static func isQuery(_ byte: UInt8) -> Bool { table[Int(byte)] & query != 0 }
    /// What a field value may consist of, RFC 9110 §5.5: no control characters but HTAB.
    static func isFieldContent(_ byte: UInt8) -> Bool { table[Int(byte)] & fieldContent != 0 }
    /// A hexadecimal digit.
    static func isHex(_ byte: UInt8) -> Bool { table[Int(byte)] & hex != 0 }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    static func isWhitespace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

    /// ASCII only: no other letter has a case here.
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 32 : byte }

    /// The value of a hexadecimal digit.
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// Whether `left` and `right` are the same but for the case of ASCII letters.
    static func equalIgnoringCase(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { lowercased($0) == lowercased($1) }
    }

    /// `bytes` without spaces and tabs at both ends.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, isWhitespace(first) { bytes.removeFirst() }
        while let last = bytes.last, isWhitespace(last) { bytes.removeLast() }
        return bytes
    }

    /// A decimal number of nothing but digits: no sign, no blanks, no overflow.
    static func decimal(_ digits: some Collection<UInt8>) -> Int? {
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits {
            guard isDigit(digit) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int(digit - 48))
            if overflow || carried { return nil }
            value = sum
        }
        return value
    }
}
