import Crypto
import HTTP
import OAuth
import Telemetry

/// One authorization request on its way across the pages: login, consent, code.
///
/// Every step compares browser, stage and time and moves on in one act of the store.
struct AuthorizationFlow {
    let service: AuthorizationService
    let origin: ServerOrigin
    let request: HTTPRequest

    var cookies: BrowserCookies { BrowserCookies(origin: origin) }

    // MARK: Begin

    /// Stores the transaction, ties it to the browser and shows the first page.
    func begin(
        _ pending: PendingAuthorization, _ redirect: ProvenRedirect, prompt: Prompt, signedIn: SignedInUser?
    ) async throws -> HTTPResponse {
        let user = prompt.contains(.login) ? nil : signedIn?.user
        if prompt.contains(.silent) { return try await silent(pending, redirect, user: user) }
        let handle = IssuedSecret.make(.transaction)
        let browser = IssuedSecret.make(.transaction)
        let lifetime = service.configuration.transactionLifetime
        let transaction = AuthorizationTransaction(
            id: handle.digest, browser: browser.digest, stage: user == nil ? .login : .consent,
            request: pending.serialized(), user: user?.id, beganAt: service.now,
            expiresAt: service.now + lifetime)
        try await service.store.begin(transaction, capacity: service.configuration.transactionCapacity)
        if prompt.contains(.consent), let user {
            try await service.store.forgetConsents(of: user.id, to: pending.client)
        }
        var set = cookies.removingSurplusBindings(in: request)
        set.append(cookies.settingBinding(browser.text, of: handle.digest, seconds: lifetime.components.seconds))
        let next = user == nil ? "/login" : "/consent"
        return Redirect.to("\(next)?transaction=\(handle.text)", cookies: set)
    }

    // `prompt=none`: an answer without a page, or an error; a user who never approved the client is not sent to it (A03).
    private func silent(
        _ pending: PendingAuthorization, _ redirect: ProvenRedirect, user: UserRecord?
    ) async throws -> HTTPResponse {
        guard let user else { throw OAuthError(.loginRequired, "nobody is signed in") }
        guard try await isRemembered(pending, redirect, user: user.id) else {
            throw OAuthError(.consentRequired, "the user has not allowed this yet")
        }
        return try await issueCode(pending, redirect, user: user.id, cookies: [])
    }

    // MARK: Continue

    /// A transaction that this browser began.
    struct Step {
        let handle: String
        let transaction: AuthorizationTransaction
        let browserSecret: String
        let pending: PendingAuthorization
        let redirect: ProvenRedirect
    }

    /// The transaction that a page or form names, when this browser began it and its time is not over.
    func step(_ handle: String) async throws -> Step {
        let id = SecretDigest(of: handle)
        guard let transaction = try await service.store.transaction(id) else {
            throw AuthorizationRefusal.transactionGone
        }
        guard let secret = cookies.binding(of: id, in: request), SecretDigest(of: secret) == transaction.browser else {
            throw transaction.stage == .finished
                ? AuthorizationRefusal.transactionOver : AuthorizationRefusal.otherBrowser
        }
        guard transaction.stage != .finished else { throw AuthorizationRefusal.transactionOver }
        guard service.now < transaction.expiresAt else { throw AuthorizationRefusal.transactionGone }
        let pending = try PendingAuthorization.parse(transaction.request)
        let redirect = try await ProvenRedirect.resume(pending, among: service.clients, for: request.remoteAddress)
        return Step(
            handle: handle, transaction: transaction, browserSecret: secret, pending: pending, redirect: redirect)
    }

    /// Moves a transaction on; every refusal is a page.
    func advance(
        _ step: Step, from stage: AuthorizationTransaction.Stage, to next: AuthorizationTransaction.Stage,
        user: UserID? = nil
    ) async throws {
        let outcome = try await service.store.advance(
            step.transaction.id, browser: step.transaction.browser, from: stage, to: next, user: user,
            at: service.now)
        switch outcome {
        case .advanced: return
        case .wrongStage: throw AuthorizationRefusal.transactionOver
        case .wrongBrowser: throw AuthorizationRefusal.otherBrowser
        case .expired, .unknown: throw AuthorizationRefusal.transactionGone
        }
    }

    // MARK: Finish

    /// Whether nobody needs to be asked: the user allowed exactly this before (U04), or the operator says that the client
    /// is their own. No client can say so of itself.
    func isRemembered(
        _ pending: PendingAuthorization, _ redirect: ProvenRedirect, user: UserID
    ) async throws(StoreError) -> Bool {
        // Who holds a device is another question each time: nothing is remembered or skipped (RFC 8628 §5.4).
        guard pending.device == nil else { return false }
        if redirect.client.isFirstParty { return true }
        let notBefore = service.now - service.configuration.consentLifetime
        let id = ConsentKey(pending, redirect, user: user).digest
        return try await service.store.isRemembered(id, notBefore: notBefore)
    }

    /// Ends the transaction with a code.
    func approve(_ step: Step, user: UserID) async throws -> HTTPResponse {
        try await advance(step, from: .consent, to: .finished)
        let consent = ConsentRecord(
            id: ConsentKey(step.pending, step.redirect, user: user).digest, user: user, client: step.pending.client,
            givenAt: service.now)
        try await service.store.remember(consent)
        return try await issueCode(
            step.pending, step.redirect, user: user, cookies: [cookies.removingBinding(of: step.transaction.id)])
    }

    /// Ends the transaction with `access_denied`.
    func deny(_ step: Step, user: UserID) async throws -> HTTPResponse {
        try await advance(step, from: .consent, to: .finished)
        service.note(.consentDenied, outcome: .denied, user: user, client: step.pending.client, request: request)
        return try await refuse(step)
    }

    /// Tells whoever asked that the user said no.
    func refuse(_ step: Step) async throws -> HTTPResponse {
        let spent = [cookies.removingBinding(of: step.transaction.id)]
        if let device = step.pending.device { return try await turnAway(device, cookies: spent) }
        return step.redirect.answer(error: OAuthError(.accessDenied, "the user said no"), cookies: spent)
    }

    func issueCode(
        _ pending: PendingAuthorization, _ redirect: ProvenRedirect, user: UserID, cookies: [String]
    ) async throws -> HTTPResponse {
        let code = IssuedSecret.make(.authorizationCode)
        let time = service.now
        let grant = GrantRecord(
            id: GrantID(Random.token("grant_")), user: user, client: pending.client, scope: pending.scope,
            resources: pending.resources, issuer: pending.issuer, keyThumbprint: pending.keyThumbprint,
            grantedAt: time,
            expiresAt: time + service.configuration.refreshTokenLifetime)
        if let device = pending.device {
            return try await pair(device, granting: grant, client: redirect.client, cookies: cookies)
        }
        try await service.store.issue(
            AuthorizationCodeRecord(
                id: code.digest, grant: grant, redirectURI: pending.redirectURI,
                codeChallenge: pending.codeChallenge, issuedAt: time,
                expiresAt: time + min(.seconds(60), service.configuration.codeLifetime)))
        service.note(
            .consentGranted, outcome: .success, user: user, client: pending.client, request: request,
            detail: [("grant", grant.id.value), ("scope", pending.scope.description)])
        return redirect.answer(code: code.text, cookies: cookies)
    }
}
