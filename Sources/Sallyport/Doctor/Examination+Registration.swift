import Crypto
import HTTP
import JSON
import OAuth

// RFC 7591 and what stands in its place, and the authorization request.
extension Examination {
    /// As whom the client appears.
    struct Identity: Sendable {
        let id: String
        let redirectURI: String
        /// Whether the authorization server told it, so that it can be tried further.
        let isRegistered: Bool
    }

    /// No code is ever redeemed with it, so it is no secret.
    private static let verifier = "a-doctor-has-nothing-to-hide-and-redeems-no-code"
    private static let challenge = Base64URL.encode(SHA256.digest(Array(verifier.utf8)).bytes)

    /// In the order of the specification: the document where it is taken, else a registration (a11).
    mutating func identify(_ server: Server) async -> Identity? {
        let takesDocuments = server.metadata?["client_id_metadata_document_supported"]?.boolean == true
        if takesDocuments, let document = client.document, admitsPublicClients(server) {
            return Identity(id: document, redirectURI: client.redirectURIs[0], isRegistered: false)
        }
        guard let place = server.registration else {
            report(
                .failed, "\(server.issuer) takes no registrations",
                "offer registration_endpoint, or enter a client by hand, with "
                    + client.redirectURIs.joined(separator: " and "))
            return nil
        }
        guard registers else {
            report(.noted, "no registration was tried", nil)
            return nil
        }
        let observation = await prober.observe(page(.json(client.registration, to: place)))
        guard let answer = observation.answer else {
            if case .failure(let error) = observation.result { report(failed: error, observation) }
            return nil
        }
        guard answer.isSuccess, let id = answer.root?["client_id"]?.string else {
            report(.failed, observation.text, Self.remedy(forRegistration: answer, client))
            return nil
        }
        if let root = answer.root { await forget(root) }
        let kept = answer.root?["redirect_uris"]?.elements.compactMap(\.string) ?? client.redirectURIs
        guard client.redirectURIs.allSatisfy({ uri in kept.contains { $0.utf8.elementsEqual(uri.utf8) } }) else {
            report(
                .failed, "\(observation.text), but with other redirect_uris: \(kept.joined(separator: " "))",
                "register \(client.redirectURIs.joined(separator: " ")) as they are")
            return nil
        }
        guard !client.readsRegistrationStrictly || isStrict(answer, observation) else { return nil }
        report(.passed, observation.text)
        return Identity(id: id, redirectURI: client.redirectURIs[0], isRegistered: true)
    }

    /// Without a secret it must be admitted as it is.
    private func admitsPublicClients(_ server: Server) -> Bool {
        let methods = server.metadata?["token_endpoint_auth_methods_supported"]?.elements.compactMap(\.string)
        return methods?.contains("none") != false
    }

    private mutating func isStrict(_ answer: Observation.Answer, _ observation: Observation) -> Bool {
        let empty = answer.root?.members.filter { $0.value.isNull }.compactMap { $0.key.string } ?? []
        if !empty.isEmpty {
            report(
                .failed, "\(observation.text), with null for \(empty.joined(separator: ", "))",
                "leave out what has no value: it refuses the whole answer")
        } else if answer.root?["redirect_uris"] == nil {
            report(.failed, "\(observation.text), without redirect_uris", "repeat them (RFC 7591 §3.2.1)")
        } else {
            return true
        }
        return false
    }

    /// Nobody will use the registration (RFC 7592 §2.3). Other clients that say the same of themselves share it.
    private func forget(_ registration: JSONNode) async {
        guard let token = registration["registration_access_token"]?.string,
            let url = registration["registration_client_uri"]?.string.flatMap({ try? HTTPURL($0) })
        else { return }
        await prober.finally(Probe(method: .delete, url: url).adding("Authorization", "Bearer \(token)"))
    }

    private static func remedy(forRegistration answer: Observation.Answer, _ client: ClientProfile) -> String {
        switch answer.status {
        case 401, 403: "registration must be open to clients without credentials, or enter this one by hand"
        case 429: "too many registrations came from here; wait"
        case 500...: "the authorization server fails; its log says why"
        default: "allow this client: redirect_uris \(client.redirectURIs.joined(separator: " "))"
        }
    }

    /// What the browser would be sent to.
    mutating func authorize(_ identity: Identity, _ server: Server, _ resource: Resource) async {
        var parameters = [
            ("response_type", "code"), ("client_id", identity.id), ("redirect_uri", identity.redirectURI),
            ("state", "doctor"), ("code_challenge", Self.challenge), ("code_challenge_method", "S256"),
        ]
        if let identifier = resource.identifier { parameters.append(("resource", identifier)) }
        if let scope = resource.scope { parameters.append(("scope", scope)) }
        let mark = server.authorization.query == nil ? "?" : "&"
        guard let url = try? HTTPURL(server.authorization.text + mark + FormParameters.encoded(parameters)) else {
            return report(.failed, "\(server.authorization) cannot take parameters", "mend authorization_endpoint")
        }
        let observation = await prober.observe(Probe(url: url).adding("Accept", "text/html"))
        switch observation.result {
        case .failure(let error): return report(failed: error, observation)
        case .success(let answer): judge(authorization: answer, observation, identity)
        }
        if identity.isRegistered {
            await redeem(identity, server, resource)
            await refresh(identity, server, resource)
        }
    }

    private mutating func judge(
        authorization answer: Observation.Answer, _ observation: Observation, _ identity: Identity
    ) {
        if answer.isRedirect {
            guard let place = answer.fields["location"], let query = place.split(separator: "?", maxSplits: 1).last,
                place.hasPrefix(identity.redirectURI),
                let answered = try? FormParameters(parsing: Array(query.utf8)),
                let error = answered.values("error").first
            else { return report(.passed, "\(observation.text), to a login") }
            let words = answered.values("error_description").first.map { ": \($0)" } ?? ""
            return report(
                .failed, "\(observation.text), back with \(error)\(words)",
                "the authorization server refuses this request")
        }
        if answer.isSuccess { return report(.passed, "\(observation.text), a page") }
        let remedy =
            identity.isRegistered
            ? "the authorization server refuses what it has just registered; its log says why"
            : "it could not use \(identity.id): may it reach that address, and does it allow that host?"
        report(.failed, observation.text, remedy)
    }

    private static func form(_ parameters: [(String, String)], to url: HTTPURL) -> Probe {
        Probe(method: .post, url: url, body: Array(FormParameters.encoded(parameters).utf8))
            .adding("Content-Type", "application/x-www-form-urlencoded").adding("Accept", "application/json")
    }

    /// A refresh token that nobody issued (RFC 6749 §6): by the answer clients tell a login that is over from a fault.
    private mutating func refresh(_ identity: Identity, _ server: Server, _ resource: Resource) async {
        let grants = server.metadata?["grant_types_supported"]?.elements.compactMap(\.string)
        // That there are none was told already.
        guard grants?.contains("refresh_token") != false else { return }
        let parameters = [
            ("grant_type", "refresh_token"), ("refresh_token", "doctor-has-none"), ("client_id", identity.id),
        ]
        await expectRefusal(
            of: "a refresh token that nobody issued", parameters, server, resource,
            "answer 400 with {\"error\": \"invalid_grant\"} (RFC 6749 §5.2): for this alone clients log in anew; otherwise "
                + "they stay out until somebody removes the login by hand")
    }

    /// A code that nobody issued: the answer shows whether the endpoint speaks OAuth to this client.
    private mutating func redeem(
        _ identity: Identity, _ server: Server, _ resource: Resource
    ) async {
        let parameters = [
            ("grant_type", "authorization_code"), ("code", "doctor-has-none"), ("client_id", identity.id),
            ("redirect_uri", identity.redirectURI), ("code_verifier", Self.verifier),
        ]
        await expectRefusal(
            of: "a code that nobody issued", parameters, server, resource,
            "the token endpoint must answer 400 with {\"error\": \"invalid_grant\"} (RFC 6749 §5.2)")
    }

    /// Asks for a token with what cannot be good; `hint` says how to mend any other answer than that it is not.
    private mutating func expectRefusal(
        of what: String, _ given: [(String, String)], _ server: Server, _ resource: Resource, _ hint: String
    ) async {
        var parameters = given
        if let identifier = resource.identifier { parameters.append(("resource", identifier)) }
        let observation = await prober.send(page(Self.form(parameters, to: server.token)))
        switch observation.result {
        case .failure(let error): report(failed: error, observation)
        case .success(let answer):
            // Clients that were given a secret would present it here.
            if answer.root?["error"]?.string == "invalid_grant" || answer.status == 401 {
                return report(.passed, "\(observation.text), as it must for \(what)")
            }
            report(.warning, "\(observation.text) for \(what)", hint)
        }
    }
}
