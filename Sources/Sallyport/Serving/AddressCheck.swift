import AsyncIO
import HTTP
import Synchronization
import Telemetry

/// Whether requests arrive under the host and by the scheme that `public_url` names. A proxy in front that says something else is
/// the commonest reason why no login works, and clients only see that none does.
///
/// Looks at requests that were refused for their host, at the first thousands of all, and then at one in many. A stranger can write
/// anything into a head, so nothing is said while others come as they should, and about each part once in ten minutes at most. What
/// arrived is for the log alone.
final class AddressCheck: Sendable {
    /// What may be wrong.
    enum Part: Int, Sendable, CaseIterable {
        case host, scheme, proxy
    }

    /// One thing to tell whoever runs the gateway.
    struct Finding: Sendable, Equatable {
        let part: Part
        let arrived: String
        let expected: String
        /// The sender: behind a proxy, the proxy.
        let peer: String
        /// How many such requests there were since the last word about them.
        let requests: Int
    }

    private struct Watch {
        var isWrong = false
        /// Whether one came as it should since the last look.
        var isKept = false
        var quietUntil: Timestamp?
        var unsaid = 0
    }

    static let quiet = Duration.seconds(600)
    private static let first = 4096
    private static let oneIn = 64
    private static let longest = 64

    private let origin: String
    private let scheme: HTTPURL.Scheme
    /// Every host that is ours, as clients may write it.
    private let authorities: Set<String>
    private let proxies: TrustedProxies
    private let neighbours: TrustedProxies
    private let clock: WallClock
    private let say: @Sendable (Finding) -> Void
    private let seen = Atomic<Int>(0)
    private let watches = Mutex([Watch](repeating: Watch(), count: Part.allCases.count))

    /// `origin` is our address as clients know it, `others` are those of resources and servers at hosts of their own. What is found
    /// goes to `say`.
    init(
        origin: HTTPURL, authorities: Set<String>, proxies: [CIDR], clock: WallClock = .steady,
        say: @escaping @Sendable (Finding) -> Void
    ) {
        self.origin = origin.origin
        scheme = origin.scheme
        self.authorities = authorities.union(HostPolicy.authorities(of: origin))
        self.proxies = TrustedProxies(proxies)
        neighbours = TrustedProxies(Self.neighbourhoods.compactMap { CIDR($0) })
        self.clock = clock
        self.say = say
    }

    /// Where proxies of one's own stand: loopback, private and shared addresses. What others write of themselves is nobody's mistake.
    private static let neighbourhoods = [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7",
    ]

    /// What is wrong, for everybody who asks: no word of it came with a request.
    var warnings: [String] {
        let wrong = watches.withLock { watches in Part.allCases.filter { watches[$0.rawValue].isWrong } }
        return wrong.compactMap(\.warning)
    }

    /// Looks at a request, as it came, that was answered with `status`.
    func note(_ request: HTTPRequest, _ status: HTTPStatus) {
        if status == .misdirectedRequest {
            return report(
                .host, arrived: request.authority, expected: String(origin.drop { $0 != "/" }.dropFirst(2)), request)
        }
        let number = seen.add(1, ordering: .relaxed).oldValue
        guard number < Self.first || number % Self.oneIn == 0 else { return }
        look(request)
    }

    private func look(_ request: HTTPRequest) {
        // These are asked under any name.
        guard !OperationEndpoints.paths.contains(request.path), request.path != "/verify",
            authorities.contains(request.authority)
        else { return }
        keep(.host)
        let fields = request.fields
        guard proxies.contains(request.remoteAddress) else {
            guard fields.contains("x-forwarded-for") || fields.contains("x-forwarded-proto"),
                neighbours.contains(request.remoteAddress)
            else { return }
            return report(.proxy, arrived: "X-Forwarded-*", expected: "trusted_proxies", request)
        }
        guard fields.count(of: "x-forwarded-proto") == 1, let said = fields["x-forwarded-proto"] else { return }
        switch said {
        case scheme.rawValue, scheme == .https ? "wss" : "ws": keep(.scheme)
        default: report(.scheme, arrived: said, expected: scheme.rawValue, request)
        }
    }

    private func keep(_ part: Part) {
        watches.withLock { watches in
            watches[part.rawValue].isKept = true
            watches[part.rawValue].isWrong = false
        }
    }

    private func report(_ part: Part, arrived: String, expected: String, _ request: HTTPRequest) {
        let now = clock.now()
        let count: Int? = watches.withLock { watches in
            var watch = watches[part.rawValue]
            defer { watches[part.rawValue] = watch }
            watch.unsaid += 1
            if let quietUntil = watch.quietUntil, now < quietUntil { return nil }
            // A proxy that nobody trusts may be meant so: that is said once.
            watch.quietUntil = part == .proxy ? Timestamp(millisecondsSinceEpoch: .max) : now + Self.quiet
            defer {
                watch.isKept = false
                watch.unsaid = 0
            }
            if watch.isKept { return nil }
            watch.isWrong = part != .proxy
            return watch.unsaid
        }
        guard let count else { return }
        say(
            Finding(
                part: part, arrived: String(arrived.prefix(Self.longest)), expected: expected,
                peer: request.remoteAddress.description, requests: count))
    }
}

extension AddressCheck {
    /// For a configuration; nil where it does not say how clients reach us.
    convenience init?(_ plan: ServingPlan, logger: Logger) {
        guard let origin = plan.configuration.publicURL else { return nil }
        let sites = plan.endpoints.compactMap(\.site)
        // Origins of the configuration are parsed when it is read.
        let others = plan.configuration.protectedResources.compactMap { try? HTTPURL($0.origin) }
        self.init(
            origin: origin, authorities: Set((sites + others).flatMap(HostPolicy.authorities)),
            proxies: plan.configuration.trustedProxies
        ) { $0.log(logger) }
    }
}

extension AddressCheck.Part {
    /// For `/ready` and `/health`; nil where nothing is wrong for clients.
    var warning: String? {
        switch self {
        case .host: "public_url: requests arrive under another host; the log says under which"
        case .scheme: "public_url: requests arrive by another scheme, says the proxy in front; the log says by which"
        case .proxy: nil
        }
    }
}

extension AddressCheck.Finding {
    /// Says it.
    func log(_ logger: Logger) {
        logger.warning(
            message,
            [
                "arrived": .string(arrived), "expected": .string(expected), "peer": .string(peer),
                "requests": .integer(requests), "hint": .string(hint),
            ])
    }

    private var message: StaticString {
        switch part {
        case .host: "requests arrive under another host than that of public_url, and are refused"
        case .scheme: "requests arrive by another scheme than that of public_url, says the proxy in front"
        case .proxy: "a proxy is in front that trusted_proxies does not name"
        }
    }

    private var hint: String {
        switch part {
        case .host:
            "let the proxy in front pass Host on as clients send it (nginx: proxy_set_header Host $http_host), or set public_url "
                + "to the address that clients use; sallyport doctor URL shows what they see"
        case .scheme:
            "clients must come by \(expected): let the proxy redirect the others, and say in X-Forwarded-Proto by what they came"
        case .proxy:
            "name its address in trusted_proxies: what it says of its clients does not count until then, and all of them share one "
                + "address in limits and in the audit trail"
        }
    }
}
