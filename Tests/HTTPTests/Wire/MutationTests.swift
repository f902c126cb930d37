import Testing

@testable import HTTP

/// Requests that chance has broken: no trap, and the cuts of the network make no difference.
@Suite(.timeLimit(.minutes(2))) struct MutationTests {
    private static let seeds = [
        "GET /demo/mcp?a=b HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
        request("Content-Length: 5", "Expect: 100-continue", content: "hello"),
        request("Transfer-Encoding: chunked", content: "5;a=\"b\"\r\nhello\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n"),
        "OPTIONS http://localhost/%61/b?c HTTP/1.0\r\nHost: localhost\r\nConnection: x, close\r\nX: y\r\n\r\n",
    ]

    private static let splinters: [[UInt8]] = [
        [0], [9], [10], [13], [13, 10], [32], [58], [59], [127], [128], [255], Array("0".utf8), Array("chunked".utf8),
        Array("Content-Length: 3\r\n".utf8), Array("Transfer-Encoding: chunked\r\n".utf8), Array("%2e".utf8),
        Array("\r\n ".utf8), Array("\r\n\r\n".utf8), Array("ffffffffffffffff".utf8), Array("Host: b\r\n".utf8),
    ]

    @Test("H05: 8,000 mutated requests are judged alike whole, byte by byte and cut at random", arguments: 0..<8)
    func mutated(_ series: Int) {
        var generator = SmallGenerator(state: UInt64(series) &* 0x9E37_79B9_7F4A_7C15 | 1)
        var admitted = 0
        for round in 0..<1000 {
            var bytes = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0...Int.random(in: 0..<3, using: &generator) { Self.mutate(&bytes, &generator) }
            let whole = Probe().judge(bytes)
            let bytewise = Probe().judge(bytes, cuts: Array(bytes.indices.dropFirst()))
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            let cut = Probe().judge(bytes, cuts: cuts)
            // Beast looks at a head that came in pieces when all of it is there: a broken one without its end is then
            // not refused yet, and the head's time limit ends it.
            let isAlike = { (other: Verdict) in whole == other || whole.isRefused && !other.isAdmitted }
            #expect(
                isAlike(bytewise) && isAlike(cut),
                "\(String(decoding: bytes, as: UTF8.self).debugDescription): \(whole), \(bytewise), \(cut)")
            if whole.isAdmitted { admitted += 1 }
        }
        // Neither all nor none: the mutations reach the deeper checks.
        #expect((50..<950).contains(admitted))
    }

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout SmallGenerator) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: splinters.randomElement(using: &generator) ?? [], at: place)
        case 3: bytes.insert(bytes[place], at: place)
        default: bytes.swapAt(place, Int.random(in: bytes.indices, using: &generator))
        }
    }
}

/// The same numbers on every run.
struct SmallGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
