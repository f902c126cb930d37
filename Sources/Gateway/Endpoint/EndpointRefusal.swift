import HTTP
import JSON
import MCP

/// A request that one of the ten steps ends.
struct EndpointRefusal: Error {
    var response: HTTPResponse

    init(_ response: HTTPResponse) {
        self.response = response
    }

    /// A JSON-RPC error as the body.
    init(_ status: HTTPStatus, _ error: JSONRPCError, id: JSONRPCID? = nil, retryAfter seconds: Int? = nil) {
        response = .json(status, error.response(to: id))
        response.fields.append("Cache-Control", "no-store")
        if let seconds { response.fields.append("Retry-After", String(seconds)) }
    }

    /// The one answer for a session that is not there, has ended or is somebody else's (M01).
    static var sessionNotFound: EndpointRefusal {
        EndpointRefusal(.notFound, JSONRPCError(.sessionNotFound, "Session not found"))
    }

    static func badRequest(_ message: String, id: JSONRPCID? = nil) -> EndpointRefusal {
        EndpointRefusal(.badRequest, JSONRPCError(.invalidRequest, message), id: id)
    }

    static func limitReached(_ message: String) -> EndpointRefusal {
        EndpointRefusal(.tooManyRequests, JSONRPCError(.limitReached, message), retryAfter: 1)
    }

    static func spawn(_ refusal: SpawnRefusal, id: JSONRPCID?) -> EndpointRefusal {
        switch refusal {
        // Where it is known how to ask for more, that is said: `MCPEndpoint.forbidden`.
        case .forbidden(let missing): EndpointRefusal(.forbidden, .insufficientScope(missing), id: id)
        case .userLimit:
            EndpointRefusal(
                .tooManyRequests, JSONRPCError(.limitReached, "You have too many sessions open"), id: id,
                retryAfter: 10)
        case .capacity:
            EndpointRefusal(
                .serviceUnavailable, JSONRPCError(.limitReached, "Too many servers are running"), id: id,
                retryAfter: 10)
        case .backingOff(let seconds):
            EndpointRefusal(
                .serviceUnavailable, JSONRPCError(.internalError, "The server failed to start; try again later"),
                id: id, retryAfter: seconds)
        case .draining:
            EndpointRefusal(
                .serviceUnavailable, JSONRPCError(.internalError, "The gateway is being stopped"), id: id,
                retryAfter: 1)
        }
    }
}
