import HTTP
import JSON
import OAuth

/// A registration that is refused before its content is looked at.
enum RegistrationRefusal: Error {
    /// A14.
    case tooLarge
    /// A14.
    case tooMany(seconds: Int)
    /// RFC 7592 §2: no token, a wrong one, or one of another client; nothing tells which.
    case unauthorized

    /// 413, 429 with `Retry-After`, or 401 with a challenge.
    var response: HTTPResponse {
        switch self {
        case .tooLarge:
            return RegistrationRefusal.answer(
                .contentTooLarge, "invalid_client_metadata", "the registration is too large")
        case .tooMany(let seconds):
            var response = RegistrationRefusal.answer(
                .tooManyRequests, "temporarily_unavailable", "too many registrations from this address")
            response.fields.append("Retry-After", String(seconds))
            return response
        case .unauthorized:
            var response = RegistrationRefusal.answer(
                .unauthorized, "invalid_token", "the registration access token is not valid for this client")
            response.fields.append("WWW-Authenticate", "Bearer error=\"invalid_token\"")
            return response
        }
    }

    private static func answer(_ status: HTTPStatus, _ code: String, _ description: String) -> HTTPResponse {
        JSONAnswer.make(status, ["error": .string(code), "error_description": .string(description)])
    }
}
