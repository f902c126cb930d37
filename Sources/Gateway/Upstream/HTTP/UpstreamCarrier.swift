import AsyncIO
import HTTP
import MCP

/// Sends the requests of all sessions with one upstream on one loop: again where that is safe, not at all while the
/// upstream is known to be away.
struct UpstreamCarrier: RequestCarrier {
    /// Attempts for one request.
    private static let attempts = 4
    private static let firstPause = Duration.milliseconds(50)

    let http: HTTPClient
    let circuit: UpstreamCircuit

    var loop: EventLoop { http.loop }

    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        guard circuit.admits(at: EventLoop.preciseNow) else {
            throw HTTPClientError(.busy, "it failed several times in a row")
        }
        var pause = Self.firstPause
        for attempt in 1...Self.attempts {
            let isLast = attempt == Self.attempts
            do throws(HTTPClientError) {
                let response = try await http.send(request)
                guard Self.isAway(response.status) else {
                    circuit.succeeded()
                    return response
                }
                if isLast || !request.isRepeatable {
                    note(.disconnected, "\(response.status.code)", request)
                    return response
                }
            } catch {
                if error.code == .cancelled { throw error }
                if isLast || !Self.mayRepeat(request, after: error) {
                    note(error.code, error.description, request)
                    throw error
                }
            }
            // Cancelled: the next attempt says so.
            try? await loop.sleep(for: pause)
            pause = pause * 3
        }
        throw HTTPClientError(.cancelled, "")
    }

    /// Counts a failure that says something about the server. How one call ended does not, where it reached it: one user's
    /// calls are not to close it for others.
    private func note(_ code: HTTPClientError.Code, _ detail: String, _ request: HTTPClientRequest) {
        let isUnreached = [.unresolved, .connectFailed, .tlsFailed].contains(code)
        guard code != .busy, isUnreached || request.isRepeatable else { return }
        circuit.failed(code, detail, at: EventLoop.preciseNow)
    }

    /// What proxies say for a server that is not there.
    private static func isAway(_ status: HTTPStatus) -> Bool { [502, 503, 504].contains(status.code) }

    /// What never left may be sent again; what the server may have acted on only where that does no harm.
    private static func mayRepeat(_ request: HTTPClientRequest, after error: HTTPClientError) -> Bool {
        switch error.code {
        case .unresolved, .connectFailed: true
        case .disconnected: request.isRepeatable
        case .refused, .busy, .tlsFailed, .timeout, .tooLarge, .invalidResponse, .cancelled: false
        }
    }
}
