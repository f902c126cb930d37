import Crypto
import JSON
import OAuth
import Telemetry
import Testing

@Suite struct TokenSpellingTests {
    @Test("T06: a token has one spelling", arguments: SignatureAlgorithm.allCases)
    func malleability(algorithm: SignatureAlgorithm) async throws {
        let fixture = try TokenFixture(algorithm)
        let verifier = fixture.verifier()
        let good = try fixture.token()
        let mutants = try Self.textMutants(of: good) + Self.signatureMutants(of: good)
        #expect(mutants.count >= 25)
        // Once before the good one is remembered and once after.
        for mutant in mutants { #expect(await !accepts(verifier, mutant), "\(mutant)") }
        #expect(await accepts(verifier, good))
        for mutant in mutants { #expect(await !accepts(verifier, mutant), "\(mutant)") }
    }

    /// The same parts, written otherwise.
    static func textMutants(of good: String) throws -> [String] {
        let parts = good.split(separator: ".").map(String.init)
        var mutants = [good + "=", good + "==", good + " ", " " + good, good + "\n", "\t" + good, good + "\0"]
        mutants += [good + ".", "." + good, good + ".x", good.replacing(".", with: "%2E"), good.uppercased(), parts[0]]
        mutants += ["\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])==.\(parts[2])"]
        mutants += ["\(parts[0])..\(parts[2])", "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1])."]
        mutants += ["\(parts[0]).\(parts[1])\n.\(parts[2])", "\(parts[0]) .\(parts[1]).\(parts[2])"]
        for letter in ["+", "/", "=", ",", "\u{E9}"] { mutants.append(good.dropLast() + letter) }
        // Bits that encode nothing: another last letter that a lenient decoder reads as the same bytes.
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for index in parts.indices where parts[index].utf8.count % 4 != 0 {
            let last = try #require(parts[index].last.flatMap(alphabet.firstIndex(of:)))
            var changed = parts
            changed[index] = parts[index].dropLast() + String(alphabet[last ^ 1])
            mutants.append(changed.joined(separator: "."))
        }
        return mutants
    }

    /// Other signatures for the same parts, among them all that mean the same numbers.
    static func signatureMutants(of good: String) throws -> [String] {
        let parts = good.split(separator: ".").map(String.init)
        let signature = try #require(Base64URL.decode(parts[2]))
        let half = signature.count / 2
        let (r, s) = (Array(signature.prefix(half)), Array(signature.suffix(half)))
        let zeros = [UInt8](repeating: 0, count: half)
        var others: [[UInt8]] = [
            Array(signature.dropLast()), Array(signature.dropFirst()), signature + [0], [0] + signature,
        ]
        others += [zeros + zeros, r + zeros, zeros + s, s + r, r + r, signature + signature, r, [0]]
        others.append([UInt8](repeating: 0xFF, count: signature.count))
        // The numbers as DER, the two forms of a number in it, and each number with a leading zero.
        let der = derSequence([derInteger(r), derInteger(s)])
        others += [der, derSequence([derInteger([0] + r), derInteger(s)]), [0] + r + [0] + s]
        if signature.count == 64 {
            let order = P256.order
            others += [r + P256.subtract(s, from: order), order + s, r + order, P256.subtract(r, from: order) + s]
        }
        return others.map { "\(parts[0]).\(parts[1]).\(Base64URL.encode($0))" }
    }

    @Test("T07: duplicate members and odd Unicode are refused in header and payload")
    func duplicates() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let header = #"{"alg":"ES256","typ":"at+jwt","kid":"\#(fixture.keyID)"}"#
        let body = try fixture.token().split(separator: ".")[1]
        let good = String(decoding: try #require(Base64URL.decode(String(body))), as: UTF8.self)
        let open = String(good.dropLast())
        var payloads: [String] = [good.replacing("{\"iss\"", with: #"{"aud":"https://evil.test/","iss""#)]
        payloads += [#","aud":"https://evil.test/"}"#, #","\u0061ud":"x"}"#, #","x":{"a":1,"a":2}}"#, ",}"].map {
            open + $0
        }
        payloads += [open + #","x":"\ud800"}"#, "\u{FEFF}" + good, good + good, "[" + good + "]"]
        for payload in payloads {
            let token = try fixture.token(rawClaims: payload)
            #expect(await !accepts(verifier, token), "\(payload)")
        }
        let utf16 = try fixture.sign(Array(header.utf8), good.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] })
        #expect(await !accepts(verifier, utf16))
        let twice = try fixture.token(rawHeader: header.dropLast() + #","alg":"none"}"#)
        #expect(await !accepts(verifier, twice))
    }
}

private enum P256 {
    static let order: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]

    static func subtract(_ small: [UInt8], from large: [UInt8]) -> [UInt8] {
        var result = large
        var borrow = 0
        for position in large.indices.reversed() {
            let difference = Int(large[position]) - Int(small[position]) - borrow
            borrow = difference < 0 ? 1 : 0
            result[position] = UInt8(truncatingIfNeeded: difference)
        }
        return result
    }
}
