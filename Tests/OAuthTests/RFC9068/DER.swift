import Crypto

/// DER INTEGER of a non-negative big-endian number.
func derInteger(_ bytes: [UInt8]) -> [UInt8] {
    let high = (bytes.first ?? 0) & 0x80 != 0
    return derElement(0x02, high ? [0] + bytes : bytes)
}

/// DER SEQUENCE.
func derSequence(_ elements: [[UInt8]]) -> [UInt8] { derElement(0x30, elements.flatMap { $0 }) }

func derElement(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let count = content.count
    switch count {
    case 0..<128: return [tag, UInt8(count)] + content
    case 128..<256: return [tag, 0x81, UInt8(count)] + content
    default: return [tag, 0x82, UInt8(count >> 8), UInt8(count & 0xFF)] + content
    }
}

/// An RSA public key as SubjectPublicKeyInfo (RFC 5280 §4.1), which servers publish and attackers use as a secret.
enum RSAPublicKeyText {
    static func der(_ parameters: PublicKeyParameters) -> [UInt8] {
        guard case .rsa(let modulus, let exponent) = parameters else { return [] }
        let key = derSequence([derInteger(modulus), derInteger(exponent)])
        let rsaEncryption: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00]
        return derSequence([derElement(0x30, rsaEncryption), derElement(0x03, [0] + key)])
    }

    static func pem(_ der: [UInt8]) -> [UInt8] {
        let text = Array(Base64.encode(der).utf8)
        let lines = stride(from: 0, to: text.count, by: 64).map { Array(text[$0..<min($0 + 64, text.count)]) + [0x0A] }
        return Array("-----BEGIN PUBLIC KEY-----\n".utf8) + lines.flatMap { $0 }
            + Array("-----END PUBLIC KEY-----\n".utf8)
    }
}
