import AuthorizationServer
import Testing

@Suite struct OneTimeKeyTests {
    @Test("T10: the parts of a one-time key cannot run together")
    func keys() {
        let keys = [
            SecretDigest(oneTime: "a", "b", "c"), SecretDigest(oneTime: "a", "bc", ""),
            SecretDigest(oneTime: "a", "b", "c", ""), SecretDigest(oneTime: "ab", "", "c"),
            SecretDigest(oneTime: "a", "\u{e9}"), SecretDigest(oneTime: "a", "e\u{301}"),
        ]
        #expect(Set(keys).count == keys.count)
    }
}
