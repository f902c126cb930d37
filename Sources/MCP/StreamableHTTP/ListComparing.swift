import JSON

/// A client of a server elsewhere that asks of its own accord, to see whether the lists that its user was told are still so: of a
/// server that does not announce that they change.
protocol ListComparing: Actor {
    var lists: ListMemory { get set }
    var deliver: StreamableHTTPClient.Delivery { get }

    /// Sends a request that the client knows nothing of. Without an answer it may be that nothing could be sent; `isAnswered` is
    /// false where the server said nothing in time.
    func ask(
        _ method: String, _ params: [UInt8], within limit: Duration
    ) async -> (isAnswered: Bool, answer: JSONDocument?)
}

extension ListComparing {
    /// Asks for the pages of lists that the client has been told, and tells it which lists are others by now.
    func lookAtLists(within limit: Duration) async {
        for (method, known) in lists.known {
            guard let document = try? JSONDocument(parsing: known.request),
                let pages = await pages(of: method, document.root["params"], upTo: known.pages.count, within: limit),
                let change = lists.changed(method, from: known.pages, to: pages)
            else { continue }
            await deliver(change)
        }
    }

    /// Digests of the first pages of a list; nil where the server did not give them.
    private func pages(
        of method: String, _ first: JSONNode?, upTo count: Int, within limit: Duration
    ) async -> [[UInt8]]? {
        var pages: [[UInt8]] = []
        var cursor: [UInt8]?
        repeat {
            let params = ListMemory.parameters(first, cursor: cursor)
            guard let result = await ask(method, params, within: limit).answer?.root["result"] else { return nil }
            pages.append(ListMemory.digest(result, of: method))
            cursor = result["nextCursor"]?.stringBytes
        } while cursor != nil && pages.count < count
        return pages
    }
}
