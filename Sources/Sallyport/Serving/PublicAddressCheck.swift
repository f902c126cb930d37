import AsyncIO
import HTTP
import JSON
import Synchronization
import Telemetry

/// Whether `public_url` leads to this gateway, asked of it as a client would once everything stands (U-16). ``AddressCheck`` judges
/// what arrives; where nothing arrives, this one says why.
///
/// Nothing waits for it. That the address cannot be reached from here proves nothing: behind NAT a machine may not reach its own
/// public name. So that is a note in the log, and only what was answered wrongly is a warning.
struct PublicAddressCheck: Sendable {
    /// What is wrong now, for everybody who asks.
    final class Warning: Sendable {
        private let text = Mutex<String?>(nil)
        var current: String? { text.withLock { $0 } }
        fileprivate func note(_ words: String?) { text.withLock { $0 = words } }
    }

    /// What clients would find.
    enum Finding: Sendable, Equatable {
        /// Nobody answered us; why not.
        case unreachable(String)
        case untrusted(String)
        case redirected(to: String)
        case refused(status: Int)
        /// It answers, but is no authorization server.
        case notAnIssuer
        case foreign(issuer: String)
    }

    static let path = "/.well-known/oauth-authorization-server"
    /// The proxy may start after us.
    static let pause = Duration.seconds(60)
    /// While something is wrong.
    static let longPause = Duration.seconds(600)
    private static let longest = 200

    /// Asks once.
    let look: @Sendable () async -> Finding?
    /// Hears what was found, when it is another thing than before; nil when nothing is wrong any more.
    let say: @Sendable (Finding?) -> Void
    let warning: Warning
    /// Whether there may be no certificate in the first minute.
    var isEarly = false

    /// Looks until nothing is wrong, or nothing can be said a second time; `wait` returns false when it is time to stop.
    func run(_ wait: (Duration) async -> Bool) async {
        var last: Finding?
        var pause = Self.pause
        if isEarly { guard await wait(pause) else { return } }
        while true {
            let finding = await look()
            guard !Task.isCancelled else { return }
            warning.note(finding?.warning)
            if finding != last { say(finding) }
            if case .unreachable? = finding, case .unreachable? = last { return }
            last = finding
            guard finding != nil, await wait(pause) else { return }
            pause = Self.longPause
        }
    }
}

extension PublicAddressCheck {
    /// For a configuration; nil where it does not say how clients reach us, where it names this very listener, and where others
    /// issue the tokens.
    init?(_ plan: ServingPlan, port: Int, _ warning: Warning, on loop: EventLoop, logger: Logger) {
        guard plan.hasAuthorizationServer, let origin = plan.configuration.publicURL,
            !(origin.host.isLoopback && origin.port == port), let url = try? HTTPURL(origin.origin + Self.path)
        else { return nil }
        let client = HTTPClient(
            on: loop,
            policy: EgressPolicy(
                addresses: .any, allowsPlainHTTP: true, maximumBodyBytes: 65_536, connectTimeout: .seconds(5),
                totalTimeout: .seconds(10)))
        self.init(
            look: { await Self.ask(url, origin.origin, client) }, say: { $0.log(origin.origin, logger) },
            warning: warning)
        if case .acme? = plan.configuration.tls?.source { isEarly = true }
    }

    /// One question, as a client asks it.
    private static func ask(_ url: HTTPURL, _ origin: String, _ client: HTTPClient) async -> Finding? {
        var fields = HTTPFields()
        fields.append("Accept", "application/json")
        fields.append("User-Agent", "sallyport-self-check")
        do throws(HTTPClientError) {
            let answer = try await client.send(HTTPClientRequest(url: url, fields: fields))
            // Of what is too large nothing can be ours.
            let body = try? await answer.body.collect(upTo: 65_536)
            return judge(answer.status.code, location: answer.fields["location"], body ?? [], origin)
        } catch {
            return error == HTTPClientError(.tlsFailed, "") ? .untrusted(error.detail) : .unreachable(error.description)
        }
    }

    /// What an answer means to clients; nil where all is as it should be.
    static func judge(_ status: Int, location: String?, _ body: [UInt8], _ origin: String) -> Finding? {
        if (300..<400).contains(status) { return .redirected(to: String((location ?? "").prefix(longest))) }
        guard status == 200 else { return .refused(status: status) }
        let document = try? JSONDocument(parsing: body, limits: JSONLimits(maximumDepth: 16))
        guard let issuer = document?.root["issuer"]?.string else { return .notAnIssuer }
        return issuer.utf8.elementsEqual(origin.utf8) ? nil : .foreign(issuer: String(issuer.prefix(longest)))
    }
}

extension PublicAddressCheck.Finding {
    /// For `/ready` and `/health`; nil where nothing was answered wrongly.
    var warning: String? {
        switch self {
        case .unreachable: nil
        case .untrusted: "public_url: the certificate that clients are shown is not trusted; the log says why"
        case .redirected: "public_url: clients are sent elsewhere; the log says where"
        case .refused, .notAnIssuer, .foreign: "public_url: something else answers there; the log says what"
        }
    }

    fileprivate var message: StaticString {
        switch self {
        case .unreachable: "public_url could not be reached from here; that need not be so for clients"
        case .untrusted: "public_url does not show a certificate that this machine trusts"
        case .redirected: "public_url sends clients elsewhere: they do not find the gateway"
        case .refused, .notAnIssuer: "public_url is answered by something else than this gateway"
        case .foreign: "public_url is answered by another issuer than this gateway"
        }
    }

    fileprivate var reason: String {
        switch self {
        case .unreachable(let reason), .untrusted(let reason): reason
        case .redirected(let target): "redirect to \(target)"
        case .refused(let status): "status \(status)"
        case .notAnIssuer: "no metadata of an authorization server"
        case .foreign(let issuer): "issuer \(issuer)"
        }
    }

    fileprivate var hint: String {
        switch self {
        case .unreachable: "from a machine of your clients: sallyport doctor URL"
        case .untrusted: "a certificate for this name of an authority that clients know, with the whole chain"
        case .redirected: "set public_url to the address that clients end at, or let the proxy pass the request on"
        case .refused, .notAnIssuer, .foreign:
            "the proxy at that address has to pass all paths on to this gateway, /.well-known included; or public_url is not ours"
        }
    }
}

extension PublicAddressCheck.Finding? {
    /// Says it; of nil that what was wrong is not so any more.
    fileprivate func log(_ origin: String, _ logger: Logger) {
        guard let finding = self else {
            return logger.notice("public_url leads here", ["url": .string(origin)])
        }
        let details: LogMetadata = [
            "url": .string(origin), "reason": .string(finding.reason), "hint": .string(finding.hint),
        ]
        if finding.warning == nil {
            logger.notice(finding.message, details)
        } else {
            logger.warning(finding.message, details)
        }
    }
}
