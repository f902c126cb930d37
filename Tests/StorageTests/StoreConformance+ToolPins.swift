import AuthorizationServer
import Crypto
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with the definitions of tools.
@Suite("Store conformance: pins of tools", .timeLimit(.minutes(2)))
struct ToolPinConformance {
    private static func definition(_ text: String, _ seconds: Int64 = 0) -> ToolPin.Definition {
        ToolPin.Definition(digest: SHA256.digest(Array(text.utf8)), text: text, since: at(seconds))
    }

    @Test(
        "what is seen first is approved where it is trusted; what comes after waits, until it is approved or taken back",
        arguments: Backend.allCases)
    func trusted(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let (one, two, three) = (Self.definition("é1"), Self.definition("2", 5), Self.definition("3", 6))
        #expect(try await store.toolPinRevision() == 0)
        #expect(try await store.see(one, of: "t", at: "s", trustsFirst: true, capacity: 9))
        #expect(try await store.toolPins(of: nil) == [ToolPin(server: "s", tool: "t", approved: one)])
        let first = try await store.toolPinRevision()
        #expect(first > 0)
        #expect(try await store.see(Self.definition("é1", 4), of: "t", at: "s", trustsFirst: true, capacity: 9))
        #expect(try await store.toolPinRevision() == first, "nothing new")

        for next in [two, two, three] {
            #expect(try await store.see(next, of: "t", at: "s", trustsFirst: true, capacity: 9))
        }
        #expect(try await store.toolPins(of: "s") == [ToolPin(server: "s", tool: "t", approved: one, waiting: three)])
        #expect(try await store.toolPinRevision() == first + 2)
        #expect(try await store.approveTool("t", of: "s", digest: two.digest, at: at(7)) == .changed)
        #expect(try await store.approveTool("t", of: "s", digest: one.digest, at: at(7)) == .changed)
        #expect(try await store.approveTool("u", of: "s", digest: one.digest, at: at(7)) == .unknown)
        #expect(try await store.approveTool("t", of: "S", digest: one.digest, at: at(7)) == .unknown)
        #expect(try await store.approveTool("t", of: "s", digest: three.digest, at: at(7)) == .approved)
        let approved = ToolPin.Definition(digest: three.digest, text: "3", since: at(7))
        #expect(
            try await store.toolPins(of: "s")
                == [ToolPin(server: "s", tool: "t", approved: approved, isOperators: true)])
        #expect(try await store.approveTool("t", of: "s", digest: three.digest, at: at(8)) == .already)
        #expect(try await store.see(one, of: "t", at: "s", trustsFirst: true, capacity: 9))
        #expect(try await store.toolPins(of: "s").first?.waiting == one)
        #expect(try await store.see(three, of: "t", at: "s", trustsFirst: true, capacity: 9))
        #expect(try await store.toolPins(of: "s").first?.waiting == nil, "the server says it again")
    }

    @Test("nothing is approved unseen where nobody is trusted", arguments: Backend.allCases)
    func untrusted(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let (one, two) = (Self.definition("1"), Self.definition("2"))
        #expect(try await store.see(one, of: "t", at: "s", trustsFirst: false, capacity: 9))
        #expect(try await store.toolPins(of: "s") == [ToolPin(server: "s", tool: "t", waiting: one)])
        #expect(try await store.see(two, of: "t", at: "s", trustsFirst: false, capacity: 9))
        #expect(try await store.toolPins(of: "s") == [ToolPin(server: "s", tool: "t", waiting: two)])
        #expect(try await store.see(two, of: "t", at: "s", trustsFirst: true, capacity: 9))
        #expect(try await store.toolPins(of: "s") == [ToolPin(server: "s", tool: "t", approved: two)])
        let revision = try await store.toolPinRevision()
        #expect(try await store.approveTool("t", of: "s", digest: two.digest, at: at(1)) == .already)
        #expect(try await store.toolPins(of: "s").first?.isOperators == true)
        #expect(try await store.toolPinRevision() == revision + 1)
    }

    @Test(
        "servers and tools are bytes, in their order; a server has so many tools; forgetting is counted",
        arguments: Backend.allCases)
    func names(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let one = Self.definition("1")
        let odd = ["", "a:b", "\u{E9}", "e\u{301}", "\n"]
        for tool in odd { #expect(try await store.see(one, of: tool, at: "s", trustsFirst: true, capacity: 5)) }
        #expect(try await store.see(one, of: "more", at: "s", trustsFirst: true, capacity: 5) == false)
        #expect(try await store.see(Self.definition("2"), of: "a:b", at: "s", trustsFirst: true, capacity: 5))
        // Which server's tool is which must not depend on how names are put together.
        #expect(try await store.see(one, of: "b", at: "s:a", trustsFirst: true, capacity: 5))
        let tools = try await store.toolPins(of: "s").map { Array($0.tool.utf8) }
        #expect(tools == odd.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
        #expect(try await store.toolPins(of: nil).map(\.server) == ["s", "s", "s", "s", "s", "s:a"])
        let revision = try await store.toolPinRevision()
        #expect(try await store.forgetTools(of: "s", "nothing") == 0)
        #expect(try await store.forgetTools(of: "other", nil) == 0)
        #expect(try await store.toolPinRevision() == revision)
        #expect(try await store.forgetTools(of: "s", "\u{E9}") == 1)
        #expect(try await store.toolPins(of: "s").contains { Array($0.tool.utf8) == Array("e\u{301}".utf8) })
        #expect(try await store.see(one, of: "more", at: "s", trustsFirst: true, capacity: 5), "there is room again")
        #expect(try await store.forgetTools(of: "s", nil) == 5)
        #expect(try await store.toolPins(of: nil).map(\.server) == ["s:a"])
        #expect(try await store.toolPinRevision() > revision)
    }

    @Test("of racing sightings exactly one is the first", arguments: Backend.allCases)
    func race(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                group.addTask {
                    // What fails is missing below.
                    _ = try? await store.see(
                        Self.definition("\(index)"), of: "t", at: "s", trustsFirst: true, capacity: 1)
                }
            }
        }
        let pin = try #require(try await store.toolPins(of: nil).first)
        #expect(pin.approved != nil && pin.waiting != nil && pin.approved?.digest != pin.waiting?.digest)
        #expect(try await store.toolPinRevision() == 50)
    }
}
