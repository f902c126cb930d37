import AuthorizationServer
import HTTP
import Synchronization

/// A network of publishers: what stands at each address, and who asked for it.
final class PublishedDocuments: PeerDocumentFetcher {
    private struct State {
        var documents: [String: Result<PeerDocument, PeerDocumentError>] = [:]
        var fetches: [String] = []
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Puts a document at an address.
    func publish(_ text: String, at url: String, lifetime: Duration? = nil) {
        let document = PeerDocument(bytes: Array(text.utf8), lifetime: lifetime)
        state.withLock { $0.documents[url] = .success(document) }
    }

    /// Lets an address fail.
    func fail(_ url: String, _ error: PeerDocumentError) {
        state.withLock { $0.documents[url] = .failure(error) }
    }

    /// The addresses that were asked for, in order.
    var fetches: [String] { state.withLock { $0.fetches } }

    /// Answers nobody until `release`.
    func hold() { state.withLock { $0.isHeld = true } }

    /// Answers all who wait.
    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func fetch(_ url: HTTPURL, as kind: PeerDocumentKind) async throws(PeerDocumentError) -> PeerDocument {
        state.withLock { $0.fetches.append(url.text) }
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.isHeld { state.held.append(continuation) }
                return state.isHeld
            }
            if !isHeld { continuation.resume() }
        }
        guard let result = state.withLock({ $0.documents[url.text] }) else { throw .refused("status 404") }
        return try result.get()
    }
}
