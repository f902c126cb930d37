import AsyncIO
import TestSupport
import Testing

@testable import Sallyport

/// What many ask for at once is made once.
@Suite("Shared rendering", .timeLimit(.minutes(1)))
struct SharedRenderingTests {
    private static func made() -> (SharedRendering, Ledger<Int>) {
        let made = Ledger<Int>()
        let shared = SharedRendering {
            made.record(made.count)
            return Array("\(made.count)".utf8)
        }
        return (shared, made)
    }

    @Test("H08: all who ask in one turn of a loop get one text, and who asks later a new one")
    func turns() async throws {
        let group = EventLoopGroup(count: 1)
        defer { group.shutdown() }
        let (shared, made) = Self.made()
        let loop = group.next()
        func turn() async -> [[UInt8]] {
            await Task(executorPreference: loop) {
                let texts = (0..<100).map { _ in shared.text }
                await loop.nextTurn()
                return texts
            }.value
        }
        #expect(Set(await turn()) == [Array("1".utf8)])
        #expect(Set(await turn()) == [Array("2".utf8)])
        #expect(made.count == 2)
    }

    @Test("H08: each loop has its own, and off the loops nothing is shared")
    func loops() async throws {
        let group = EventLoopGroup(count: 2)
        defer { group.shutdown() }
        let (shared, made) = Self.made()
        for loop in group.loops {
            _ = await Task(executorPreference: loop) { [shared.text, shared.text] }.value
        }
        #expect(made.count == 2)
        _ = try await onThread { [shared.text, shared.text] }
        #expect(made.count == 4)
    }
}
