import Testing

@testable import Sallyport

@Suite("Changes that have come to rest")
struct SettledChangeTests {
    @Test("F22: what is new counts when two looks see the same, once")
    func twoLooks() {
        var change = SettledChange(from: "a")
        let looks: [(seen: String, isDue: Bool)] = [
            ("a", false), ("b", false), ("c", false), ("c", true), ("c", true),
        ]
        for look in looks { #expect(change.isDue(look.seen) == look.isDue) }
        change.settle(on: "c")
        for look in [("c", false), ("a", false), ("c", false), ("a", false), ("a", true)] {
            #expect(change.isDue(look.0) == look.1)
        }
    }
}
