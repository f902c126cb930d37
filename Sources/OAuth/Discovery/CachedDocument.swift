package import AsyncIO
package import Telemetry

/// How long a document of another server counts.
package struct DocumentLifetime: Sendable {
    /// Until here it is used without asking.
    package var fresh: Duration
    /// Until here it is used although asking fails: the last known good (F14).
    package var kept: Duration
    /// The least time between two attempts, however many callers want one.
    package var pause: Duration

    /// An hour, a day, ten seconds.
    package init(
        fresh: Duration = .seconds(3600), kept: Duration = .seconds(86_400), pause: Duration = .seconds(10)
    ) {
        self.fresh = fresh
        self.kept = kept
        self.pause = pause
    }
}

/// A document of another server, fetched when it is needed and kept while that server is down.
///
/// Callers at the same time share one fetch, and a caller that goes away does not end it. An old document is handed out
/// at once while a new one is fetched, so only the very first caller waits. An actor on the loop of the client.
package actor CachedDocument<Value: Sendable> {
    /// Fetches and checks the document; bounded in time by the client.
    package typealias Load = @Sendable () async throws(DocumentFailure) -> Value

    nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let lifetime: DocumentLifetime
    private let clock: WallClock
    let load: Load
    private var good: (value: Value, at: Timestamp)?
    private var attempt: (at: Timestamp, failure: DocumentFailure?)?
    private var running: Task<Result<Value, DocumentFailure>, Never>?

    /// A document that nobody has fetched yet.
    package init(
        lifetime: DocumentLifetime = DocumentLifetime(), clock: WallClock, on loop: EventLoop, load: @escaping Load
    ) {
        self.lifetime = lifetime
        self.clock = clock
        self.loop = loop
        self.load = load
    }

    /// The document: the one at hand while it counts, else a new one.
    package func value() async throws(DocumentFailure) -> Value {
        let now = clock.now()
        if let good, now < good.at + lifetime.kept {
            // A clock that was set back makes it look younger than new; then it is fetched again.
            if now >= good.at + lifetime.fresh || now < good.at, mayAttempt(at: now) { _ = start(at: now) }
            return good.value
        }
        if running == nil, !mayAttempt(at: now), let failure = attempt?.failure { throw failure }
        return try await start(at: now).value.get()
    }

    /// A document that was fetched just now, for a caller that misses something in the one at hand: a key that was
    /// rotated. Within `pause` of the last attempt it is that attempt's outcome.
    package func newer() async throws(DocumentFailure) -> Value {
        let now = clock.now()
        if running == nil, !mayAttempt(at: now) {
            if let failure = attempt?.failure { throw failure }
            if let good, now < good.at + lifetime.kept { return good.value }
        }
        return try await start(at: now).value.get()
    }

    /// Takes the outcome of an attempt.
    func finish(_ result: Result<Value, DocumentFailure>) {
        running = nil
        switch result {
        case .success(let value):
            good = (value, clock.now())
            attempt?.failure = nil
        case .failure(let failure): attempt?.failure = failure
        }
    }

    private func mayAttempt(at now: Timestamp) -> Bool {
        guard let attempt else { return true }
        return now >= attempt.at + lifetime.pause || now < attempt.at
    }

    private func start(at now: Timestamp) -> Task<Result<Value, DocumentFailure>, Never> {
        if let running { return running }
        attempt = (now, nil)
        let task = startLoading()
        running = task
        return task
    }
}
