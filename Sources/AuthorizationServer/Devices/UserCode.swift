import Crypto

/// The code that a device shows and a person types (RFC 8628 §6.1): eight consonants, which make no words and are not taken
/// for digits; 34 bits, good for ten minutes against a limit of guesses.
struct UserCode: Equatable {
    private static let alphabet = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)
    private static let length = 8

    /// The eight letters.
    let letters: String

    /// A new one.
    static func make() -> UserCode {
        var letters: [UInt8] = []
        while letters.count < length {
            // Bytes beyond the last whole multiple of 20 would favour some letters.
            for byte in Random.bytes(length) where byte < 240 && letters.count < length {
                letters.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return UserCode(letters: String(decoding: letters, as: UTF8.self))
    }

    private init(letters: String) {
        self.letters = letters
    }

    /// Reads what somebody typed: case, hyphens and blanks do not matter. Nil for what cannot be a code.
    init?(typed text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let bytes = text.utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: " "): nil
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte &- 0x20
            default: byte
            }
        }
        guard bytes.count == Self.length, bytes.allSatisfy(Self.alphabet.contains) else { return nil }
        letters = String(decoding: bytes, as: UTF8.self)
    }

    /// As it is shown: `BCDF-GHJK`.
    var text: String { letters.prefix(4) + "-" + letters.suffix(4) }

    /// As it is stored.
    var digest: SecretDigest { SecretDigest(of: letters) }
}
