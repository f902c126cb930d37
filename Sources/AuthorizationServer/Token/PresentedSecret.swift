import Crypto
import HTTP

/// A client's secret as a request carries it, in every way in which it can be meant.
struct PresentedSecret {
    /// One text, or two where the header does not say whether its parts were encoded.
    private let readings: [String]

    /// A secret of the body: it is what it is.
    init(_ text: String) {
        readings = [text]
    }

    /// The second part of Basic credentials. RFC 6749 §2.3.1 wants it form-encoded, and many libraries send it as it is:
    /// both readings count, and where it is no form-encoded text only the second one. Nil where it is no text at all.
    init?(basic bytes: ArraySlice<UInt8>) {
        let readings = [BasicCredentials.formDecoded(bytes), String(validating: bytes, as: UTF8.self)].compactMap { $0 }
        guard !readings.isEmpty else { return nil }
        self.readings = readings
    }

    /// Whether one of the readings is the secret of this digest. Each is compared, whatever came of the others.
    func matches(_ digest: SecretDigest?) -> Bool {
        guard let digest else { return false }
        var isRight = false
        for reading in readings where ConstantTime.equals(SecretDigest(of: reading).bytes, digest.bytes) {
            isRight = true
        }
        return isRight
    }
}
