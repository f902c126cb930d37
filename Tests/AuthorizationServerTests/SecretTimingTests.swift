import Crypto
import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import AuthorizationServer

/// How long a wrong secret takes says nothing about where it is wrong (O05).
@Suite(.serialized, .timeLimit(.minutes(3)))
struct SecretTimingTests {
    /// The secret with another first, or another last, character.
    private static func wrong(_ secret: String) -> (first: String, last: String) {
        let flip = { (character: Character) in String(character == "A" ? "B" : "A") }
        return (
            secret.first.map { flip($0) + secret.dropFirst() } ?? "",
            secret.last.map { secret.dropLast() + flip($0) } ?? ""
        )
    }

    private static func copy(_ text: String) -> String { String(decoding: Array(text.utf8), as: UTF8.self) }

    @Test("the measure finds a comparison that ends at the first difference")
    func control() {
        let secret = Array(IssuedSecret.make(.clientSecret).text.utf8)
        let (first, last) = Self.wrong(String(decoding: secret, as: UTF8.self))
        func leaks(_ guess: [UInt8]) -> Bool {
            for place in secret.indices where secret[place] != guess[place] { return false }
            return true
        }
        #expect(
            TimingComparison.leastDifference { kind in
                let guess = Array((kind == .first ? first : last).utf8)
                return { leaks(guess) }
            } > TimingComparison.threshold)
    }

    @Test("O05: secrets of clients, tokens of forms and bare bytes are compared in flat time")
    func flat() throws {
        let secret = IssuedSecret.make(.clientSecret)
        let (first, last) = Self.wrong(secret.text)
        let client = TimingComparison.leastDifference { kind in
            let guess = PresentedSecret(kind == .first ? first : last)
            return { guess.matches(secret.digest) }
        }
        #expect(client < TimingComparison.threshold, "client_secret")

        let form = FormToken.make(for: "login", browserSecret: "browser")
        let (formFirst, formLast) = Self.wrong(form)
        let forms = TimingComparison.leastDifference { kind in
            let guess = Self.copy(kind == .first ? formFirst : formLast)
            return { FormToken.isValid(guess, for: "login", browserSecret: "browser") }
        }
        #expect(forms < TimingComparison.threshold, "form token")

        let stored = SHA256.digest(Array(secret.text.utf8)).bytes
        let bytes = TimingComparison.leastDifference { kind in
            var guess = stored
            guess[kind == .first ? 0 : stored.count - 1] ^= 1
            return { [guess] in ConstantTime.equals(guess, stored) }
        }
        #expect(bytes < TimingComparison.threshold, "bytes")
    }
}
