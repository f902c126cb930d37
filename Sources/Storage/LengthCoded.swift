/// A list of texts as one field: each preceded by its length, so that no text can pretend to be two (S01).
enum LengthCoded {
    /// `texts` as bytes: for each its length in bytes in decimal, a colon, and the bytes.
    static func encode(_ texts: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for text in texts {
            bytes += Array(String(text.utf8.count).utf8)
            bytes.append(UInt8(ascii: ":"))
            bytes += Array(text.utf8)
        }
        return bytes
    }

    /// The texts again; nil when `bytes` is not such a list.
    static func decode(_ bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        var index = 0
        while index < bytes.count {
            var length = 0
            let start = index
            while index < bytes.count, bytes[index] != UInt8(ascii: ":") {
                guard index - start < 9, bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") else {
                    return nil
                }
                length = length &* 10 &+ Int(bytes[index] &- UInt8(ascii: "0"))
                index += 1
            }
            guard index > start, index < bytes.count, length <= bytes.count - index - 1 else { return nil }
            guard let text = String(validating: bytes[(index + 1)..<(index + 1 + length)], as: UTF8.self) else {
                return nil
            }
            texts.append(text)
            index += 1 + length
        }
        return texts
    }
}
