import AsyncIO
import Crypto
import HTTP
import JSON

/// One certificate, from the order to the chain (RFC 8555 §7.4).
struct ACMEOrder: Sendable {
    /// For each thing that the server has to make up its mind about.
    private static let patience = Duration.seconds(120)
    private static let longestPause = Duration.seconds(15)

    let settings: ACMESettings
    /// What the certificate is for.
    let domains: [String]
    let conversation: ACMEConversation
    let account: ACMEAccount
    let challenges: ACMEChallenges
    let loop: EventLoop

    /// The certificate, the chain above it and its new key, all PEM.
    func run() async throws(ACMEFailure) -> [UInt8] {
        let identifiers = domains.map { domain -> JSONValue in ["type": "dns", "value": .string(domain)] }
        let made = try await conversation.post(
            await conversation.newOrder, .object([.init("identifiers", .array(identifiers))]))
        guard let address = made.fields["location"] else {
            throw ACMEFailure(.unexpected, "the order has no address")
        }
        let order = try made.object()
        guard let authorizations = order["authorizations"], authorizations.isArray,
            (1...100).contains(authorizations.count)
        else { throw ACMEFailure(.unexpected, "the order has no authorizations") }
        // One after the other: what is shown to validators is for one name at a time.
        for authorization in authorizations.elements {
            guard let url = authorization.string else {
                throw ACMEFailure(.unexpected, "an authorization is no address")
            }
            try await prove(url)
        }
        _ = try await settled(address, "the order", while: ["pending"], until: "ready")
        return try await finalize(try ACMEConversation.text("finalize", in: order), order: address)
    }

    // MARK: - Steps

    /// Proves that a name is ours (§7.5).
    private func prove(_ url: String) async throws(ACMEFailure) {
        let authorization = try await conversation.post(url, nil).object()
        if authorization["status"]?.equals("valid") == true { return }
        guard let name = authorization["identifier"]?["value"]?.string, domains.contains(name) else {
            throw ACMEFailure(.unexpected, "an authorization is for a name that was not asked for")
        }
        let offered = authorization["challenges"]?.isArray == true ? authorization["challenges"] : nil
        var found: JSONNode?
        if let offered {
            for challenge in offered.elements where challenge["type"]?.string == settings.challenge.rawValue {
                found = challenge
            }
        }
        guard let challenge = found else {
            throw ACMEFailure(.unexpected, "the server does not offer \(settings.challenge.rawValue) for \(name)")
        }
        let token = try ACMEConversation.text("token", in: challenge)
        guard Self.isToken(token) else { throw ACMEFailure(.unexpected, "a token is not well-formed") }
        let answer = try ACMEConversation.text("url", in: challenge)
        let proof = ACMEProof(
            challenge: settings.challenge, token: token, keyAuthorization: account.keyAuthorization(token))
        try challenges.show(proof, for: name)
        defer { challenges.hide(proof) }
        _ = try await conversation.post(answer, .object([]))
        _ = try await settled(url, "the authorization of \(name)", while: ["pending"], until: "valid")
    }

    /// Sends the certificate's key, and gets the chain (§7.4, §7.4.2).
    private func finalize(_ url: String, order: String) async throws(ACMEFailure) -> [UInt8] {
        let key: [UInt8]
        let request: [UInt8]
        do {
            let made = try PrivateKey.generate(.es256)
            key = try made.pem()
            request = try made.certificateRequest(for: domains)
        } catch {
            throw ACMEFailure(.local, "no key for the certificate: \(error)")
        }
        _ = try await conversation.post(url, ["csr": .string(Base64URL.encode(request))])
        let finished = try await settled(order, "the order", while: ["pending", "ready", "processing"], until: "valid")
        let chain = try await conversation.post(try ACMEConversation.text("certificate", in: finished), nil)
        return key + chain.body
    }

    /// Asks until a status is the wanted one.
    private func settled(
        _ url: String, _ what: String, while waiting: [String], until wanted: String
    ) async throws(ACMEFailure) -> JSONNode {
        let deadline = EventLoop.preciseNow + Self.patience
        var pause = Duration.milliseconds(250)
        while true {
            let answer = try await conversation.post(url, nil)
            let object = try answer.object()
            let status = object["status"]?.string ?? ""
            if status == wanted { return object }
            guard waiting.contains(status) else {
                throw ACMEFailure(.refused(status), "\(what) is \(status): \(Self.reason(object))")
            }
            guard EventLoop.preciseNow < deadline else { throw ACMEFailure(.tooSlow, "\(what) stays \(status)") }
            do throws(CancellationError) {
                try await loop.sleep(for: min(answer.retryAfter ?? pause, Self.longestPause))
            } catch {
                throw ACMEFailure(.local, "the gateway ends")
            }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// What the server found wrong.
    private static func reason(_ object: JSONNode) -> String {
        if let detail = object["error"]?["detail"]?.string { return ACMEAnswer.plain(detail) }
        guard let challenges = object["challenges"], challenges.isArray else { return "no reason is given" }
        for challenge in challenges.elements {
            if let detail = challenge["error"]?["detail"]?.string { return ACMEAnswer.plain(detail) }
        }
        return "no reason is given"
    }

    /// base64url (§8.1): it becomes part of a path.
    private static func isToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            }
    }
}
