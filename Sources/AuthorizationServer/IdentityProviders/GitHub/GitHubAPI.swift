import HTTP
import JSON
import OAuth

/// GitHub's REST interface, as far as a login needs it. Pages are followed by `Link`, up to a bound, and never to another
/// host.
struct GitHubAPI: Sendable {
    private static let maximumPages = 20
    private static let maximumBytes = 256

    let base: HTTPURL
    let documents: OutboundDocuments
    let token: String

    /// `GET /user`: the number never changes, the login may.
    func user() async throws(ProviderFailure) -> (id: Int64, login: String) {
        let root = try await get(url("/user")).root
        guard let id = root["id"]?.integer, id > 0, let login = root["login"]?.string,
            (1...Self.maximumBytes).contains(login.utf8.count)
        else { throw ProviderFailure(.untrusted, "GitHub's answer names no user") }
        return (id, login)
    }

    /// `GET /user/emails`: the address that is primary and verified.
    func verifiedEmail() async throws(ProviderFailure) -> EmailAddress? {
        try await list("/user/emails") { entry -> EmailAddress? in
            guard entry["primary"]?.boolean == true, entry["verified"]?.boolean == true else { return nil }
            return entry["email"]?.string.flatMap(EmailAddress.init)
        }.first
    }

    /// `GET /user/orgs`.
    func organizations() async throws(ProviderFailure) -> [String] {
        try await list("/user/orgs") { $0["login"]?.string }
    }

    /// `GET /user/teams`, as `ORGANIZATION/TEAM`.
    func teams() async throws(ProviderFailure) -> [String] {
        try await list("/user/teams") { entry -> String? in
            guard let organization = entry["organization"]?["login"]?.string, let team = entry["slug"]?.string else {
                return nil
            }
            return "\(organization)/\(team)"
        }
    }

    // MARK: Steps

    private func list<Value>(
        _ path: String, _ read: (JSONNode) -> Value?
    ) async throws(ProviderFailure) -> [Value] {
        var next: HTTPURL? = try url(path + "?per_page=100")
        var values: [Value] = []
        for _ in 0..<Self.maximumPages {
            guard let page = next else { break }
            let answer = try await get(page)
            guard answer.root.isArray else { throw ProviderFailure(.untrusted, "GitHub's answer is no list") }
            values += answer.root.elements.compactMap(read)
            next = LinkField.next(in: answer.fields).flatMap { try? HTTPURL($0) }  // no URL, no page
            guard next == nil || next?.origin == base.origin else {
                throw ProviderFailure(.untrusted, "GitHub's next page is on another host")
            }
        }
        return values
    }

    private func url(_ path: String) throws(ProviderFailure) -> HTTPURL {
        try GitHubEndpoints.url(base.text + path)
    }

    private func get(_ url: HTTPURL) async throws(ProviderFailure) -> OutboundDocuments.Answer {
        let answer: OutboundDocuments.Answer
        do throws(DocumentFailure) {
            answer = try await documents.get(
                url,
                fields: [
                    "Authorization": "Bearer \(token)", "Accept": "application/vnd.github+json",
                    "X-GitHub-Api-Version": "2022-11-28",
                ])
        } catch {
            throw ProviderFailure(error)
        }
        let status = answer.status.code
        switch status {
        case 200: return answer
        case 401: throw ProviderFailure(.rejected, "GitHub took the token back")
        case 429, 500...: throw ProviderFailure(.unavailable, "GitHub answered \(status)")
        case 403 where Self.isRateLimited(answer):
            throw ProviderFailure(.unavailable, "GitHub's rate limit is used up")
        case 403, 404:
            throw ProviderFailure(.insufficient, "GitHub does not show \(url.path): the token has not the scope")
        default: throw ProviderFailure(.misconfigured, "GitHub answered \(status) for \(url.path)")
        }
    }

    // GitHub says 403 for both: what tells them apart is the count, or how long to wait.
    private static func isRateLimited(_ answer: OutboundDocuments.Answer) -> Bool {
        answer.fields["x-ratelimit-remaining"] == "0" || answer.fields.contains("retry-after")
    }
}

/// `Link` (RFC 8288 §3), as far as pagination uses it.
enum LinkField {
    /// The target of `rel="next"`.
    static func next(in fields: HTTPFields) -> String? {
        for value in fields.values("link") {
            for link in value.split(separator: ",") {
                let parts = link.split(separator: ";").map { $0.drop { $0 == " " } }
                guard let target = parts.first, target.hasPrefix("<"), target.hasSuffix(">"),
                    parts.dropFirst().contains(where: { $0 == "rel=\"next\"" || $0 == "rel=next" })
                else { continue }
                return String(target.dropFirst().dropLast())
            }
        }
        return nil
    }
}
