/// Reads `WWW-Authenticate` (RFC 9110 §11.6.1) as a client does.
package enum ChallengeReader {
    private static let maximumBytes = 8192

    /// The parameters of the first challenge of `scheme`, names in lower case; nil where there is no such challenge.
    package static func parameters(of scheme: String, in values: [String]) -> [String: String]? {
        for value in values where value.utf8.count <= maximumBytes {
            var reader = Reader(Array(value.utf8))
            for challenge in reader.challenges() where challenge.scheme == scheme.lowercased() {
                return challenge.parameters
            }
        }
        return nil
    }

    private struct Reader {
        struct Challenge {
            let scheme: String
            var parameters: [String: String] = [:]
        }

        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        /// A word that `=` follows is a parameter of the last scheme, any other word is a scheme.
        mutating func challenges() -> [Challenge] {
            var found: [Challenge] = []
            while position < bytes.count {
                skip { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: ",") }
                let word = token().lowercased()
                guard !word.isEmpty else { break }
                skip { $0 == 0x20 || $0 == 0x09 }
                guard position < bytes.count, bytes[position] == UInt8(ascii: "="), !found.isEmpty else {
                    found.append(Challenge(scheme: word))
                    continue
                }
                position += 1
                skip { $0 == 0x20 || $0 == 0x09 }
                let value = value()
                // What was padding of a token68, as Negotiate has it, is no parameter.
                skip { $0 == UInt8(ascii: "=") }
                // The first one counts: a second could only contradict it.
                if found[found.count - 1].parameters[word] == nil { found[found.count - 1].parameters[word] = value }
            }
            return found
        }

        private mutating func skip(_ isSkipped: (UInt8) -> Bool) {
            while position < bytes.count, isSkipped(bytes[position]) { position += 1 }
        }

        private mutating func token() -> String {
            let start = position
            skip { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~/:".utf8.contains(byte)
                }
            }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func value() -> String {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return token() }
            position += 1
            var text: [UInt8] = []
            while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                if bytes[position] == UInt8(ascii: "\\"), position + 1 < bytes.count { position += 1 }
                text.append(bytes[position])
                position += 1
            }
            position += 1
            return String(decoding: text, as: UTF8.self)
        }
    }
}
