import HTTP

/// The names and attributes of our cookies (U05).
///
/// On https they have the `__Host-` prefix: Secure, host-only, path `/`, so that no sibling domain can set them. On plain
/// http, which only loopback may use, browsers refuse that prefix because it demands Secure; there the plain names are
/// used. Who is not protected by that: a user of this machine from another program that serves pages on the same host
/// name, whatever its port.
struct BrowserCookies {
    private static let transactionLimit = 16

    private let isSecure: Bool

    /// Chooses names by the origin that the browser uses.
    init(origin: ServerOrigin) {
        isSecure = origin.isSecure
    }

    private func name(_ plain: String) -> String {
        isSecure ? "__Host-\(plain)" : plain
    }

    /// The session's secret, when the browser sent one.
    func session(in request: HTTPRequest) -> String? {
        CookieParser.value(of: name("sallyport-session"), in: request.fields)
    }

    /// Keeps the session until the browser closes; the server decides when it ends.
    func settingSession(_ secret: String) -> String {
        set(name("sallyport-session"), secret, maximumAge: nil)
    }

    /// Removes the session.
    func removingSession() -> String {
        set(name("sallyport-session"), "", maximumAge: 0)
    }

    /// The secret that ties a browser to one transaction. Each transaction has its own, so that two tabs opened at the
    /// same moment do not overwrite each other's.
    func binding(of transaction: SecretDigest, in request: HTTPRequest) -> String? {
        CookieParser.value(of: bindingName(transaction), in: request.fields)
    }

    /// Ties the browser to a transaction for its lifetime.
    func settingBinding(_ secret: String, of transaction: SecretDigest, seconds: Int64) -> String {
        set(bindingName(transaction), secret, maximumAge: seconds)
    }

    /// Removes a transaction's cookie.
    func removingBinding(of transaction: SecretDigest) -> String {
        set(bindingName(transaction), "", maximumAge: 0)
    }

    /// Removals for transactions that the browser has too many of: a `Cookie` line must stay acceptable.
    func removingSurplusBindings(in request: HTTPRequest) -> [String] {
        removingSurplus(name("sallyport-login-"), in: request)
    }

    /// The secret that ties a login without an authorization request to the browser.
    func plainLogin(in request: HTTPRequest) -> String? {
        CookieParser.value(of: name("sallyport-login"), in: request.fields)
    }

    /// Ties the browser to its login page.
    func settingPlainLogin(_ secret: String, seconds: Int64) -> String {
        set(name("sallyport-login"), secret, maximumAge: seconds)
    }

    /// The secret of one trip to an identity provider, by the `state` that came back.
    func trip(state: String, in request: HTTPRequest) -> String? {
        CookieParser.value(of: tripName(state), in: request.fields)
    }

    /// Ties the browser to one trip. Set with the redirect that the user's decision caused, and not before (I01).
    func settingTrip(_ secret: String, state: String) -> String {
        set(tripName(state), secret, maximumAge: TripTicket.lifetime.components.seconds)
    }

    /// Removes a trip's cookie.
    func removingTrip(state: String) -> String {
        set(tripName(state), "", maximumAge: 0)
    }

    /// Removals for trips that the browser has too many of.
    func removingSurplusTrips(in request: HTTPRequest) -> [String] {
        removingSurplus(name("sallyport-trip-"), in: request)
    }

    private func tripName(_ state: String) -> String {
        name("sallyport-trip-" + BrowserCookies.digits(of: SecretDigest(of: state)))
    }

    private func removingSurplus(_ prefix: String, in request: HTTPRequest) -> [String] {
        let names = CookieParser.names(in: request.fields).filter { $0.hasPrefix(prefix) }
        return names.count < BrowserCookies.transactionLimit ? [] : names.map { set($0, "", maximumAge: 0) }
    }

    private func bindingName(_ transaction: SecretDigest) -> String {
        name("sallyport-login-" + BrowserCookies.digits(of: transaction))
    }

    private static func digits(of digest: SecretDigest) -> Substring { digest.hexadecimal.prefix(12) }

    private func set(_ name: String, _ value: String, maximumAge: Int64?) -> String {
        // Names are ours and values are base64url: what a cookie may not hold cannot come here.
        guard var cookie = SetCookie(name: name, value: value) else { return "" }
        cookie.isSecure = isSecure
        cookie.maximumAge = maximumAge
        return cookie.text
    }
}
