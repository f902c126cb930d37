internal import COpenSSL

/// FIPS 180-4, for names that other programs give to things. Not for anything that must be hard to forge.
package enum SHA1 {
    /// The digest of `bytes` in lower-case hexadecimal.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 20)
        let result = unsafe digest.withUnsafeMutableBufferPointer { output in
            unsafe bytes.withUnsafeBytes { input in
                unsafe EVP_Digest(input.baseAddress, input.count, output.baseAddress, nil, EVP_sha1(), nil)
            }
        }
        precondition(result == 1, "SHA-1 is not available in this OpenSSL")
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
