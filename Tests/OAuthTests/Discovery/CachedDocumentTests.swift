import AsyncIO
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import OAuth

/// What is remembered of other servers' documents, and when they are asked.
@Suite(.timeLimit(.minutes(1))) struct CachedDocumentTests {
    /// A server that answers what the test says, and counts.
    private final class Source: Sendable {
        private let state = Mutex<(answer: Result<Int, DocumentFailure>, count: Int)>((.success(1), 0))

        var count: Int { state.withLock { $0.count } }

        func answers(_ answer: Result<Int, DocumentFailure>) { state.withLock { $0.answer = answer } }

        func load() async throws(DocumentFailure) -> Int {
            let answer = state.withLock { state in
                state.count += 1
                return state.answer
            }
            await Task.yield()
            return try answer.get()
        }
    }

    private static let loops = EventLoopGroup(count: 1)

    private struct Setting {
        let clock = ManualClock()
        let source = Source()
        let document: CachedDocument<Int>

        init() {
            let source = source
            document = CachedDocument(clock: clock.clock, on: CachedDocumentTests.loops.loops[0]) {
                () async throws(DocumentFailure) -> Int in try await source.load()
            }
        }

        func fetched(_ count: Int) async throws {
            try await eventuallyTrue("\(count) fetches") { source.count == count }
        }
    }

    private static let down = DocumentFailure(.unavailable, "down")

    @Test("callers at the same time share one fetch, and later ones need none")
    func shared() async throws {
        let setting = Setting()
        let document = setting.document
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { try await document.value() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: 1, count: 50))
        #expect(try await document.value() == 1)
        #expect(setting.source.count == 1)
    }

    @Test("F14: the last known good counts for 24 h while the provider is down, then no longer")
    func lastKnownGood() async throws {
        let setting = Setting()
        #expect(try await setting.document.value() == 1)
        setting.source.answers(.failure(Self.down))
        setting.clock.advance(by: .seconds(3601))
        #expect(try await setting.document.value() == 1)
        try await setting.fetched(2)
        setting.clock.advance(by: .seconds(82_700))
        #expect(try await setting.document.value() == 1)
        setting.clock.advance(by: .seconds(200))
        await #expect(throws: Self.down) { try await setting.document.value() }
    }

    @Test("F14: after a day down it works again by itself")
    func recovery() async throws {
        let setting = Setting()
        setting.source.answers(.failure(Self.down))
        await #expect(throws: Self.down) { try await setting.document.value() }
        // Within the pause nobody asks again.
        await #expect(throws: Self.down) { try await setting.document.value() }
        #expect(setting.source.count == 1)
        setting.source.answers(.success(2))
        setting.clock.advance(by: .seconds(10))
        #expect(try await setting.document.value() == 2)
    }

    @Test("an old document is handed out at once while a new one comes")
    func refreshedBehind() async throws {
        let setting = Setting()
        _ = try await setting.document.value()
        setting.source.answers(.success(2))
        setting.clock.advance(by: .seconds(3600))
        #expect(try await setting.document.value() == 1)
        try await eventuallyTrue("the new document") { try await setting.document.value() == 2 }
        #expect(setting.source.count == 2)
    }

    @Test("F14: whoever misses a key gets a new document, but not more often than every ten seconds")
    func newer() async throws {
        let setting = Setting()
        _ = try await setting.document.value()
        setting.source.answers(.success(2))
        #expect(try await setting.document.newer() == 1)
        setting.clock.advance(by: .seconds(10))
        #expect(try await setting.document.newer() == 2)
        for _ in 0..<20 { _ = try await setting.document.newer() }
        #expect(setting.source.count == 2)
    }

    @Test("a clock that was set back makes nothing younger than new")
    func clockSetBack() async throws {
        let setting = Setting()
        _ = try await setting.document.value()
        setting.clock.advance(by: .seconds(-7200))
        _ = try await setting.document.value()
        try await setting.fetched(2)
    }
}
