/// The numbers of an ES256 signature (RFC 7518 §3.4). Where (r, s) verifies, (r, n − s) verifies too: of the two the one
/// with the smaller s is the canonical one.
enum ES256Signature {
    /// n, the order of P-256's group (FIPS 186-4 §D.1.2.3).
    private static let order: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]

    /// n / 2, rounded down.
    private static let half: [UInt8] = [
        0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xDE, 0x73, 0x7D, 0x56, 0xD3, 0x8B, 0xCF, 0x42, 0x79, 0xDC, 0xE5, 0x61, 0x7E, 0x31, 0x92, 0xA8,
    ]

    /// Whether `signature` is 64 bytes with s in the lower half. The numbers are public, so the time may tell of them.
    static func isCanonical(_ signature: [UInt8]) -> Bool {
        signature.count == 64 && !half.lexicographicallyPrecedes(signature[32...])
    }

    /// The canonical one of the two signatures that `signature`, 64 bytes, stands for.
    static func canonical(_ signature: [UInt8]) -> [UInt8] {
        isCanonical(signature) ? signature : other(signature)
    }

    /// The signature with n − s in the place of s.
    static func other(_ signature: [UInt8]) -> [UInt8] {
        var result = signature
        var borrow = 0
        for position in (0..<32).reversed() {
            let difference = Int(order[position]) - Int(signature[32 + position]) - borrow
            borrow = difference < 0 ? 1 : 0
            result[32 + position] = UInt8(truncatingIfNeeded: difference)
        }
        return result
    }
}
