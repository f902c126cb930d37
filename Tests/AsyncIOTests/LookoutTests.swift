import Testing

@testable import AsyncIO

@Suite struct LookoutTests {
    @Test("looks until something comes, and for no longer than its limit")
    func bounds() {
        var lookout = Lookout()
        #expect(!lookout.goesOn { 0 })
        lookout.expect(at: 1000)
        #expect(lookout.goesOn { 1000 + Lookout.limit - 1 })
        lookout.met()
        #expect(!lookout.goesOn { 1001 })
        lookout.expect(at: 2000)
        // Another question does not make the look longer.
        lookout.expect(at: 2000 + Lookout.limit - 1)
        #expect(!lookout.goesOn { 2000 + Lookout.limit })
    }

    @Test("looks less and less often while it is in vain, and always again when it was not")
    func pauses() {
        var lookout = Lookout()
        var looks: [Int] = []
        for question in 0..<5000 {
            lookout.expect(at: 0)
            if lookout.goesOn({ 1 }) { looks.append(question) }
            _ = lookout.goesOn { Lookout.limit }
        }
        let gaps = zip(looks, looks.dropFirst()).map { $1 - $0 - 1 }
        #expect(gaps.prefix(5) == [1, 2, 4, 8, 16])
        #expect(gaps.max() == Lookout.longestPause)
        for _ in 0...Lookout.longestPause {
            lookout.expect(at: 0)
            lookout.met()
        }
        lookout.expect(at: 0)
        #expect(lookout.goesOn { 1 })
    }
}
