import HTTP
import JSON
import Telemetry

/// What a server said to one request.
struct ACMEAnswer: Sendable {
    /// More is nobody's chain.
    static let maximumBytes = 1 << 20
    /// Nobody is waited for longer before the next question, whatever the answer says; ``RenewalSchedule`` waits less where a
    /// certificate would end meanwhile.
    private static let longestPause = 86_400

    let status: HTTPStatus
    let fields: HTTPFields
    let body: [UInt8]

    /// The content as a JSON object.
    func object() throws(ACMEFailure) -> JSONNode {
        guard let document = try? JSONDocument(parsing: body, limits: JSONLimits(maximumDepth: 16)),
            document.root.isObject
        else { throw ACMEFailure(.unexpected, "an answer with status \(status.code) is no JSON object") }
        return document.root
    }

    /// How long `Retry-After` asks to wait (RFC 9110 §10.2.3). A date counts from the answer's own, for our clock may be another; one
    /// that has passed means now.
    var retryAfter: Duration? {
        guard fields.count(of: "retry-after") == 1, let text = fields["retry-after"] else { return nil }
        let longest = Duration.seconds(Self.longestPause)
        if !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return Int(text).map { .seconds(min($0, Self.longestPause)) } ?? longest
        }
        guard let moment = HTTPDate.parse(text) else { return nil }
        let now = fields["date"].flatMap { HTTPDate.parse($0) } ?? WallClock.system.now()
        return max(.zero, min(moment - now, longest))
    }

    /// A nonce for the next request (§6.5.1); one that is not well-formed is ignored.
    var nonce: String? {
        guard fields.count(of: "replay-nonce") == 1, let text = fields["replay-nonce"],
            (1...256).contains(text.utf8.count),
            text.utf8.allSatisfy({ byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            })
        else { return nil }
        return text
    }

    /// Why the server said no (RFC 7807): the last part of the type, and a text for our log.
    var failure: ACMEFailure {
        let problem = try? JSONDocument(parsing: body, limits: JSONLimits(maximumDepth: 16)).root
        let prefix = "urn:ietf:params:acme:error:"
        let type = problem?["type"]?.string ?? ""
        let name = type.hasPrefix(prefix) ? String(type.dropFirst(prefix.count)) : "status \(status.code)"
        let detail = Self.plain(problem?["detail"]?.string ?? "")
        return ACMEFailure(
            .refused(name), detail.isEmpty ? name : "\(name): \(detail)", retryAfter: retryAfter)
    }

    /// A text of the server's, short and on one line.
    static func plain(_ text: String) -> String {
        String(decoding: text.utf8.prefix(300).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }
}
