import HTTP
import Synchronization
import Telemetry

/// Documents of one kind, read, kept as long as their publishers say within bounds, and fetched once however many ask at
/// the same time (A16).
///
/// Nothing that failed is kept. When a publisher cannot be reached, what it said before counts for up to a day more; what it
/// takes back or spoils is gone at once. A `Mutex`, because connections of every loop ask; the section is a few dictionary
/// operations, and waiters are resumed outside it.
final class DocumentCache<Content: Sendable>: Sendable {
    private struct Entry {
        let content: Content
        let fetchedAt: Timestamp
        var freshUntil: Timestamp
    }

    private typealias Waiter = CheckedContinuation<Result<Content, PeerDocumentError>?, Never>

    private struct State {
        var entries: [HTTPURL: Entry] = [:]
        /// Fetches under way, with who waits for them beside the one who fetches.
        var flights: [HTTPURL: [Waiter]] = [:]
    }

    private enum Step {
        case ready(Content)
        case lead
        case follow
        case full
    }

    private let limits: DocumentCacheLimits
    private let clock: WallClock
    private let fetch: @Sendable (HTTPURL) async throws(PeerDocumentError) -> (content: Content, lifetime: Duration?)
    private let state = Mutex(State())

    /// `fetch` gets and reads one document; whatever it throws is given to all who wait for it.
    init(
        limits: DocumentCacheLimits, clock: WallClock,
        fetch: @escaping @Sendable (HTTPURL) async throws(PeerDocumentError) -> (content: Content, lifetime: Duration?)
    ) {
        self.limits = limits
        self.clock = clock
        self.fetch = fetch
    }

    /// The document at `url`, from memory where it is fresh and not older than `notBefore`. `admit` is asked before anything
    /// is sent; the seconds that it answers are what its caller has to wait.
    func content(
        at url: HTTPURL, notBefore: Timestamp? = nil, admit: () -> Int?
    ) async throws(PeerDocumentError) -> Content {
        // Whoever waits for a fetch that is called off takes it over; each round ends one fetch, so this ends.
        while !Task.isCancelled {
            switch state.withLock({ step(url, notBefore: notBefore, &$0) }) {
            case .ready(let content): return content
            case .full: throw .limited(seconds: 5)
            case .lead: return try await lead(url, admit)
            case .follow:
                // Ends with its fetch, which has a deadline: a waiter that is cancelled waits no longer than that.
                switch await withCheckedContinuation({ wait($0, for: url) }) {
                case .success(let content)?: return content
                case .failure(.cancelled)?, nil: continue
                case .failure(let error)?: throw error
                }
            }
        }
        throw .cancelled
    }

    /// The document as it was last read, fresh or not; nothing is fetched.
    func remembered(at url: HTTPURL) -> Content? {
        state.withLock { $0.entries[url]?.content }
    }

    private func step(_ url: HTTPURL, notBefore: Timestamp?, _ state: inout State) -> Step {
        if let entry = state.entries[url], clock.now() < entry.freshUntil,
            notBefore.map({ entry.fetchedAt >= $0 }) ?? true
        {
            return .ready(entry.content)
        }
        if let waiters = state.flights[url] { return waiters.count < limits.maximumWaiters ? .follow : .full }
        guard state.flights.count < limits.maximumFetches else { return .full }
        state.flights[url] = []
        return .lead
    }

    private func wait(_ waiter: Waiter, for url: HTTPURL) {
        let isOver = state.withLock { state in
            guard state.flights[url] != nil else { return true }
            state.flights[url]?.append(waiter)
            return false
        }
        if isOver { waiter.resume(returning: nil) }
    }

    private func lead(_ url: HTTPURL, _ admit: () -> Int?) async throws(PeerDocumentError) -> Content {
        if let seconds = admit() {
            // Others may ask for the same document and be admitted.
            end(url, with: .failure(.cancelled))
            throw .limited(seconds: seconds)
        }
        let result: Result<Content, PeerDocumentError>
        do throws(PeerDocumentError) {
            let fetched = try await fetch(url)
            keep(fetched.content, at: url, lifetime: fetched.lifetime)
            result = .success(fetched.content)
        } catch {
            result = afterFailure(error, url)
        }
        end(url, with: result)
        return try result.get()
    }

    private func end(_ url: HTTPURL, with result: Result<Content, PeerDocumentError>) {
        let waiters = state.withLock { $0.flights.removeValue(forKey: url) ?? [] }
        for waiter in waiters { waiter.resume(returning: result) }
    }

    private func keep(_ content: Content, at url: HTTPURL, lifetime: Duration?) {
        let now = clock.now()
        let fresh = min(max(lifetime ?? limits.usualLifetime, limits.minimumLifetime), limits.maximumLifetime)
        state.withLock { state in
            if state.entries[url] == nil, state.entries.count >= limits.capacity,
                let oldest = state.entries.min(by: { $0.value.fetchedAt < $1.value.fetchedAt })
            {
                state.entries[oldest.key] = nil
            }
            state.entries[url] = Entry(content: content, fetchedAt: now, freshUntil: now + fresh)
        }
    }

    private func afterFailure(_ error: PeerDocumentError, _ url: HTTPURL) -> Result<Content, PeerDocumentError> {
        let now = clock.now()
        return state.withLock { state in
            switch error {
            case .refused:
                state.entries[url] = nil
                return .failure(error)
            case .unreachable:
                guard let entry = state.entries[url], now < entry.fetchedAt + limits.maximumStaleness else {
                    state.entries[url] = nil
                    return .failure(error)
                }
                state.entries[url]?.freshUntil = now + limits.minimumLifetime
                return .success(entry.content)
            case .limited, .cancelled:
                return .failure(error)
            }
        }
    }
}

/// The bounds of a `DocumentCache`.
struct DocumentCacheLimits: Sendable {
    /// Documents that are kept; the ones fetched first give way.
    var capacity = 1000
    /// Fetches at once.
    var maximumFetches = 64
    /// Who may wait for one fetch.
    var maximumWaiters = 10_000
    /// Kept at least so long, whatever the publisher says: a document is not fetched for every request.
    var minimumLifetime = Duration.seconds(60)
    /// Kept so long when the publisher says nothing.
    var usualLifetime = Duration.seconds(3600)
    /// Kept at most so long.
    var maximumLifetime = Duration.seconds(86_400)
    /// How old a document may be that counts because its publisher cannot be reached.
    var maximumStaleness = Duration.seconds(2 * 86_400)
}
