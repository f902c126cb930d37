import AsyncIO
import HTTP
import JSON

/// Talks to one certificate authority (RFC 8555 §6, §7.1–§7.3): nonces, signatures, our account.
///
/// For one task: it is made anew for each attempt, so nothing of a failed one is left.
actor ACMEConversation {
    /// How often a nonce is replaced that the server does not take (§6.5). Servers refuse at random to test that.
    private static let nonceAttempts = 12

    private let client: HTTPClient
    private let account: ACMEAccount
    private var nonce: String?
    private var newNonce = ""
    private var newAccount = ""
    private(set) var newOrder = ""
    private var accountURL: String?

    init(_ client: HTTPClient, account: ACMEAccount) {
        self.client = client
        self.account = account
    }

    /// Reads the directory (§7.1.1) and finds or makes the account (§7.3). Whoever configures a directory agrees to its terms.
    func begin(_ directory: HTTPURL, email: String?) async throws(ACMEFailure) {
        let answer = try await exchange(HTTPClientRequest(url: directory))
        guard answer.status == .ok else { throw answer.failure }
        let resources = try answer.object()
        newNonce = try Self.text("newNonce", in: resources)
        newAccount = try Self.text("newAccount", in: resources)
        newOrder = try Self.text("newOrder", in: resources)
        var members: [JSONValue.Member] = [.init("termsOfServiceAgreed", true)]
        if let email { members.append(.init("contact", [.string("mailto:\(email)")])) }
        let made = try await post(newAccount, .object(members))
        guard let url = made.fields["location"] else {
            throw ACMEFailure(.unexpected, "the account has no address")
        }
        accountURL = url
    }

    /// A signed request; with nil as `payload` one that only reads. What is not a success is thrown.
    func post(_ url: String, _ payload: JSONValue?) async throws(ACMEFailure) -> ACMEAnswer {
        for _ in 0..<Self.nonceAttempts {
            let body: [UInt8]
            let used = try await takeNonce()
            do {
                body = try account.sign(payload, url: url, nonce: used, id: accountURL)
            } catch {
                throw ACMEFailure(.local, "nothing can be signed: \(error)")
            }
            let request = HTTPClientRequest(
                method: .post, url: try Self.parse(url), fields: ["Content-Type": "application/jose+json"],
                body: .bytes(body))
            let answer = try await exchange(request)
            nonce = answer.nonce
            if (200..<300).contains(answer.status.code) { return answer }
            let failure = answer.failure
            guard failure.kind == .refused("badNonce") else { throw failure }
        }
        throw ACMEFailure(.refused("badNonce"), "no nonce of the server's is good enough for it")
    }

    private func takeNonce() async throws(ACMEFailure) -> String {
        if let nonce {
            self.nonce = nil
            return nonce
        }
        let answer = try await exchange(HTTPClientRequest(method: .head, url: try Self.parse(newNonce)))
        guard let nonce = answer.nonce else { throw ACMEFailure(.unexpected, "the server gives no nonce") }
        return nonce
    }

    private func exchange(_ request: HTTPClientRequest) async throws(ACMEFailure) -> ACMEAnswer {
        var request = request
        request.fields.append("User-Agent", "sallyport/\(Version.text)")
        do throws(HTTPClientError) {
            let response = try await client.send(request)
            let body = try await response.body.collect(upTo: ACMEAnswer.maximumBytes)
            return ACMEAnswer(status: response.status, fields: response.fields, body: body)
        } catch {
            throw ACMEFailure(.wire, "\(request.url.origin) does not answer: \(error)")
        }
    }

    private static func parse(_ text: String) throws(ACMEFailure) -> HTTPURL {
        do throws(HTTPURLError) {
            return try HTTPURL(text)
        } catch {
            throw ACMEFailure(.unexpected, "\"\(ACMEAnswer.plain(text))\" is not an address")
        }
    }

    /// A member that must be there.
    static func text(_ name: StaticString, in node: JSONNode) throws(ACMEFailure) -> String {
        guard let text = node[name]?.string else { throw ACMEFailure(.unexpected, "an answer has no \(name)") }
        return text
    }
}
