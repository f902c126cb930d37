package import AsyncIO

/// Sends requests of our own over libcurl, on one loop, under one egress policy.
///
/// Connections are pooled and reused, redirects are never followed, nothing is decompressed, no proxy is taken from
/// the environment. Cancelling the calling task ends the transfer.
package actor HTTPClient {
    /// Names one transfer of this client.
    typealias TransferID = Int

    /// Most transfers under way or unread; more are refused, because each may hold a buffer.
    private static let maximumTransfers = 4096

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let policy: EgressPolicy
    private var multi: CurlMulti?
    private var transfers: [TransferID: CurlTransfer] = [:]
    private var uploads: [TransferID: Task<Void, Never>] = [:]
    private var lastID = 0

    package init(on loop: EventLoop, policy: EgressPolicy) {
        self.loop = loop
        self.policy = policy
    }

    /// On the loop: libcurl closes its connections here, and their polls belong to that thread.
    isolated deinit {
        multi = nil
    }

    /// Sends `request` and answers as soon as the head of the answer is there.
    package func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        guard policy.allowsPlainHTTP || request.url.scheme == .https else {
            throw HTTPClientError(.refused, "only https is allowed here")
        }
        if case .address(let address) = request.url.host, !policy.permits(address) {
            throw HTTPClientError(.refused, "the address is not a public one")
        }
        let id = try start(request)
        do throws(HTTPClientError) {
            while true {
                let transfer = transfers[id]
                if let head = transfer?.head {
                    let body = HTTPClientBody(client: self, transfer: id)
                    return HTTPClientResponse(status: head.status, fields: head.fields, body: body)
                }
                if case .failure(let error)? = transfer?.outcome { throw error }
                guard transfer != nil else { throw HTTPClientError(.cancelled, "") }
                await change(of: id, since: transfer?.changes)
            }
        } catch {
            end(id)
            throw error
        }
    }

    /// The next part of a body; nil at its end.
    func next(_ id: TransferID) async throws(HTTPClientError) -> [UInt8]? {
        guard let transfer = transfers[id] else {
            if Task.isCancelled { throw HTTPClientError(.cancelled, "") }
            return nil
        }
        while true {
            if let chunk = transfer.takeChunk() { return chunk }
            switch transfer.outcome {
            case .success?:
                end(id)
                return nil
            case .failure(let error)?:
                end(id)
                throw error
            case nil: await change(of: id, since: transfer.changes)
            }
        }
    }

    /// Ends a transfer that nobody reads any more. From any thread.
    nonisolated func abandon(_ id: TransferID) {
        loop.execute { self.assumeIsolated { $0.end(id) } }
    }

    private func start(_ request: HTTPClientRequest) throws(HTTPClientError) -> TransferID {
        guard transfers.count < Self.maximumTransfers else {
            throw HTTPClientError(.busy, "too many transfers at once")
        }
        let multi = multi ?? CurlMulti(on: loop)
        self.multi = multi
        lastID += 1
        let id = lastID
        let transfer = CurlTransfer(request, policy: policy) { [unowned self] in
            self.assumeIsolated { $0.pull(id, request.body) }
        }
        guard let multi, let transfer else { throw HTTPClientError(.invalidResponse, "libcurl cannot start") }
        transfers[id] = transfer
        guard multi.add(transfer) else {
            end(id)
            throw HTTPClientError(.invalidResponse, "libcurl cannot take the request")
        }
        return id
    }

    private func end(_ id: TransferID) {
        uploads.removeValue(forKey: id)?.cancel()
        guard let transfer = transfers.removeValue(forKey: id) else { return }
        multi?.remove(transfer)
        transfer.fail(HTTPClientError(.cancelled, ""))
    }

    /// Waits until a transfer has something new, or the calling task is cancelled, which ends it.
    /// What changed after `seen` counts: on the way into the waiting the task may change executors, and miss it.
    private func change(of id: TransferID, since seen: Int?) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard let transfer = transfers[id], transfer.changes == seen else { return continuation.resume() }
                transfer.whenChanged { continuation.resume() }
            }
        } onCancel: {
            abandon(id)
        }
    }

    private func pull(_ id: TransferID, _ body: HTTPClientRequest.Body) {
        guard case .stream(let next) = body, uploads[id] == nil else { return }
        uploads[id] = startUpload(id, next)
    }

    /// Hands the next part of a request body to its transfer.
    func provide(_ bytes: [UInt8]?, to id: TransferID) {
        uploads[id] = nil
        transfers[id]?.provide(bytes)
    }

    /// A request body that cannot be produced ends its transfer: half a body must not look like a whole one.
    func failUpload(_ id: TransferID) {
        uploads[id] = nil
        guard let transfer = transfers[id] else { return }
        multi?.remove(transfer)
        transfer.fail(HTTPClientError(.cancelled, "the request body ended with an error"))
    }
}
