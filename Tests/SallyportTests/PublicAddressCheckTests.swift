import HTTP
import Synchronization
import TestSupport
import Testing

@testable import Sallyport

/// What is said when `public_url` does not lead here.
@Suite("The way to public_url")
struct PublicAddressCheckTests {
    private typealias Finding = PublicAddressCheck.Finding

    private final class Queue: Sendable {
        private let rest: Mutex<ArraySlice<Finding?>>
        init(_ findings: [Finding?]) { rest = Mutex(findings[...]) }
        func next() -> Finding? { rest.withLock { $0.popFirst() } ?? nil }
        var isEmpty: Bool { rest.withLock(\.isEmpty) }
    }

    /// A check that finds these one after another, and the pauses that it made; at the end of the list it is told to stop.
    private static func run(_ findings: [Finding?]) async -> (
        said: [Finding?], pauses: [Duration], warnings: [String?], last: String?
    ) {
        let (rest, said) = (Queue(findings), Ledger<Finding?>())
        let warning = PublicAddressCheck.Warning()
        let check = PublicAddressCheck(
            look: { rest.next() }, say: { said.record($0) }, warning: warning)
        var (pauses, warnings): ([Duration], [String?]) = ([], [])
        await check.run { pause in
            pauses.append(pause)
            warnings.append(warning.current)
            return !rest.isEmpty
        }
        return (said.all, pauses, warnings, warning.current)
    }

    @Test("U-16: of an address that leads here nothing is said, and it is not asked again")
    func right() async {
        let run = await Self.run([nil, .foreign(issuer: "x")])
        #expect(run.said.isEmpty && run.pauses.isEmpty && run.last == nil)
    }

    @Test("U-16: a proxy that starts later is said to be away once, and then to be there")
    func late() async {
        let run = await Self.run([.unreachable("nobody"), nil, nil])
        #expect(run.said == [.unreachable("nobody"), nil] && run.pauses == [PublicAddressCheck.pause])
        #expect(run.warnings == [nil] && run.last == nil, "that is no warning")
    }

    @Test("U-16: what cannot be reached from here is given up after the second time")
    func unreachable() async {
        let run = await Self.run([.unreachable("nobody"), .unreachable("nobody"), nil])
        #expect(run.said == [.unreachable("nobody")] && run.pauses.count == 1)
    }

    @Test("U-16: where an authority has still to issue the certificate, the first look is a minute later")
    func early() async {
        let looks = Ledger<Bool>()
        var check = PublicAddressCheck(
            look: {
                looks.record(true)
                return nil
            }, say: { _ in }, warning: PublicAddressCheck.Warning())
        check.isEarly = true
        await check.run { pause in pause != PublicAddressCheck.pause || looks.count > 0 }
        #expect(looks.count == 0)
        await check.run { _ in true }
        #expect(looks.count == 1)
    }

    @Test("U-16: what is answered wrongly is said once and stays a warning until it is right")
    func wrong() async {
        let foreign = Finding.foreign(issuer: "https://other.example.com")
        let run = await Self.run([foreign, foreign, .untrusted("expired"), nil, nil])
        #expect(run.said == [foreign, .untrusted("expired"), nil])
        let long = PublicAddressCheck.longPause
        #expect(run.pauses == [PublicAddressCheck.pause, long, long] && run.last == nil)
        #expect(run.warnings.allSatisfy { $0?.hasPrefix("public_url: ") == true && $0?.contains("other") == false })
    }

    @Test("U-16: our metadata and no other answer is right")
    func answers() {
        func judge(_ status: Int, _ body: String, location: String? = nil) -> Finding? {
            PublicAddressCheck.judge(status, location: location, Array(body.utf8), "https://mcp.example.com")
        }
        #expect(judge(200, #"{"issuer":"https://mcp.example.com"}"#) == nil)
        #expect(judge(200, #"{"issuer":"https://mcp.example.com/"}"#) == .foreign(issuer: "https://mcp.example.com/"))
        #expect(judge(200, #"{"issuer":7}"#) == .notAnIssuer && judge(200, "<html>") == .notAnIssuer)
        #expect(judge(200, "") == .notAnIssuer && judge(502, "") == .refused(status: 502))
        #expect(judge(404, #"{"issuer":"https://mcp.example.com"}"#) == .refused(status: 404))
        #expect(judge(308, "", location: "https://www.example.com/") == .redirected(to: "https://www.example.com/"))
        let long = String(repeating: "x", count: 5000)
        guard case .redirected(let target) = judge(301, "", location: long) else {
            Issue.record("a redirect")
            return
        }
        #expect(target.count == 200)
    }
}
