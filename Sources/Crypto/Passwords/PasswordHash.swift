internal import COpenSSL

/// Password hashes: scrypt (RFC 7914) as PHC strings, `$scrypt$ln=15,r=8,p=3$SALT$HASH`.
///
/// N = 2¹⁵, r = 8, p = 3 is one of OWASP's equivalent settings and needs 32 MiB for about 0.1 s, so that several
/// logins at once fit a small machine. Both functions block for that long: call them off the loops.
package enum PasswordHash {
    private static let cost = Parameters(logarithm: 15, blockSize: 8, parallelization: 3)
    private static let saltLength = 16
    private static let hashLength = 32
    /// Longer passwords would only make the caller pay for hashing them.
    package static let maximumPasswordBytes = 1024

    private struct Parameters {
        var logarithm: UInt64
        var blockSize: UInt64
        var parallelization: UInt64
    }

    /// A new hash of `password` with a salt of its own.
    package static func hash(_ password: [UInt8]) throws(CryptoError) -> String {
        let salt = Random.bytes(saltLength)
        let hash = try derive(password, salt: salt, cost)
        return "$scrypt$ln=\(cost.logarithm),r=\(cost.blockSize),p=\(cost.parallelization)"
            + "$\(encode(salt))$\(encode(hash))"
    }

    /// Whether `hash` is one of `password`. A hash that cannot be read matches nothing.
    package static func verify(_ password: [UInt8], _ hash: String) -> Bool {
        guard let (parameters, salt, expected) = parse(hash),
            let actual = try? derive(password, salt: salt, parameters)
        else {
            // An unreadable hash and a failing derivation both mean: no.
            return false
        }
        return ConstantTime.equals(actual, expected)
    }

    private static func derive(
        _ password: [UInt8], salt: [UInt8], _ parameters: Parameters
    ) throws(CryptoError) -> [UInt8] {
        guard password.count <= maximumPasswordBytes else { throw CryptoError(.invalidHash, "password too long") }
        ERR_clear_error()
        var key = [UInt8](repeating: 0, count: hashLength)
        let memory = UInt64(256) << 20
        let result = unsafe key.withUnsafeMutableBufferPointer { key in
            unsafe salt.withUnsafeBufferPointer { salt in
                unsafe password.withUnsafeBytes { password in
                    unsafe EVP_PBE_scrypt(
                        password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt.baseAddress,
                        salt.count, 1 << parameters.logarithm, parameters.blockSize, parameters.parallelization,
                        memory, key.baseAddress, key.count)
                }
            }
        }
        guard result == 1 else { throw .fromLibrary(.operationFailed) }
        return key
    }

    private static func parse(_ text: String) -> (Parameters, salt: [UInt8], hash: [UInt8])? {
        let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1].elementsEqual("scrypt".utf8),
            let salt = Base64Alphabet.standard.decode(Array(parts[3])), salt.count >= 8,
            let hash = Base64Alphabet.standard.decode(Array(parts[4])), hash.count == hashLength
        else { return nil }
        let settings = parts[2].split(separator: UInt8(ascii: ","))
        guard settings.count == 3, let logarithm = number(settings[0], "ln="), (10...18).contains(logarithm),
            let blockSize = number(settings[1], "r="), (1...16).contains(blockSize),
            let parallelization = number(settings[2], "p="), (1...16).contains(parallelization)
        else { return nil }
        return (Parameters(logarithm: logarithm, blockSize: blockSize, parallelization: parallelization), salt, hash)
    }

    private static func number(_ text: Substring.UTF8View, _ name: String) -> UInt64? {
        guard text.starts(with: name.utf8) else { return nil }
        let digits = text.dropFirst(name.utf8.count)
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
    }

    private static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Base64Alphabet.standard.encode(bytes), as: UTF8.self)
    }
}
