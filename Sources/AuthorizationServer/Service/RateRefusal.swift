import HTTP
import JSON
import OAuth

/// A program that asked too often (O05).
struct RateRefusal: Error {
    let seconds: Int
    /// `error_description`.
    var reason = "this address asks too often"

    /// 429 with `Retry-After`.
    var response: HTTPResponse {
        var response = JSONAnswer.make(
            .tooManyRequests, ["error": "temporarily_unavailable", "error_description": .string(reason)])
        response.fields.append("Retry-After", String(seconds))
        return response
    }
}

extension AuthorizationService {
    /// Keeps one address from filling the store with what nobody has authenticated for.
    func limitClients(_ request: HTTPRequest) throws(RateRefusal) {
        guard let seconds = clientLimiter.take(request.remoteAddress, at: now) else { return }
        metrics.reached(.clientRequests)
        throw RateRefusal(seconds: seconds)
    }
}
