/// A status code, RFC 9110 §15.
package struct HTTPStatus: Hashable, Sendable {
    /// 100…599; what is outside becomes 500.
    package let code: Int

    /// The status with this number.
    package init(_ code: Int) {
        self.code = (100...599).contains(code) ? code : 500
    }

    /// 200.
    package static let ok = HTTPStatus(200)
    /// 201.
    package static let created = HTTPStatus(201)
    /// 202.
    package static let accepted = HTTPStatus(202)
    /// 204.
    package static let noContent = HTTPStatus(204)
    /// 301.
    package static let movedPermanently = HTTPStatus(301)
    /// 302.
    package static let found = HTTPStatus(302)
    /// 303.
    package static let seeOther = HTTPStatus(303)
    /// 304.
    package static let notModified = HTTPStatus(304)
    /// 307.
    package static let temporaryRedirect = HTTPStatus(307)
    /// 308.
    package static let permanentRedirect = HTTPStatus(308)
    /// 400.
    package static let badRequest = HTTPStatus(400)
    /// 401.
    package static let unauthorized = HTTPStatus(401)
    /// 403.
    package static let forbidden = HTTPStatus(403)
    /// 404.
    package static let notFound = HTTPStatus(404)
    /// 405.
    package static let methodNotAllowed = HTTPStatus(405)
    /// 406.
    package static let notAcceptable = HTTPStatus(406)
    /// 408.
    package static let requestTimeout = HTTPStatus(408)
    /// 409.
    package static let conflict = HTTPStatus(409)
    /// 410.
    package static let gone = HTTPStatus(410)
    /// 411.
    package static let lengthRequired = HTTPStatus(411)
    /// 413.
    package static let contentTooLarge = HTTPStatus(413)
    /// 414.
    package static let uriTooLong = HTTPStatus(414)
    /// 415.
    package static let unsupportedMediaType = HTTPStatus(415)
    /// 417.
    package static let expectationFailed = HTTPStatus(417)
    /// 421.
    package static let misdirectedRequest = HTTPStatus(421)
    /// 422.
    package static let unprocessableContent = HTTPStatus(422)
    /// 429.
    package static let tooManyRequests = HTTPStatus(429)
    /// 431.
    package static let requestHeaderFieldsTooLarge = HTTPStatus(431)
    /// 500.
    package static let internalServerError = HTTPStatus(500)
    /// 501.
    package static let notImplemented = HTTPStatus(501)
    /// 502.
    package static let badGateway = HTTPStatus(502)
    /// 503.
    package static let serviceUnavailable = HTTPStatus(503)
    /// 504.
    package static let gatewayTimeout = HTTPStatus(504)
    /// 505.
    package static let httpVersionNotSupported = HTTPStatus(505)

    /// Whether a response with it never has content, RFC 9112 §6.3.
    package var forbidsContent: Bool { code < 200 || code == 204 || code == 304 }

    /// Whether it says that the request failed.
    package var isError: Bool { code >= 400 }

    /// The phrase for the status line and for people.
    package var reason: StaticString {
        switch code {
        case 100: "Continue"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}

extension HTTPStatus: CustomStringConvertible {
    /// Code and phrase.
    package var description: String { "\(code) \(reason)" }
}
