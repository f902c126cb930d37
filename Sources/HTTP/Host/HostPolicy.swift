package import AsyncIO

/// Why a request is not for us, H06.
package enum HostRefusal: Error, Hashable, Sendable {
    /// `Host` names another server.
    case misdirected
    /// `Origin` is repeated, opaque or not allowed.
    case forbiddenOrigin

    /// 421 or 403.
    package var status: HTTPStatus {
        switch self {
        case .misdirected: .misdirectedRequest
        case .forbiddenOrigin: .forbidden
        }
    }

    /// The answer, which says what to change.
    package var response: HTTPResponse {
        switch self {
        case .misdirected:
            .text(status, "This server does not answer under this name; see public_url.")
        case .forbiddenOrigin:
            .text(status, "Pages of this origin may not call this server; see cors.allowed_origins.")
        }
    }
}

/// Under which names the server answers, and which web origins may call it (DNS rebinding, H06).
///
/// With a public URL only its host counts. Without one the server is on loopback, and `localhost`, `127.0.0.1` and
/// `[::1]` with its port are its names. `Host` and `Origin` are checked independently.
package struct HostPolicy: Sendable {
    private let origins: [String: ServerOrigin]
    private let distinct: [ServerOrigin]
    private let allowedOrigins: Set<String>
    private let hasDynamicPort: Bool
    private let localScheme: HTTPURL.Scheme

    /// `allowedOrigins` are compared byte by byte; `*` allows all. Port 0 in `listen` means the port that a request
    /// came in by. Without a public URL `localScheme` is how loopback is reached.
    package init(
        publicURL: HTTPURL?, listen: SocketAddress, allowedOrigins: [String], localScheme: HTTPURL.Scheme = .http
    ) {
        self.allowedOrigins = Set(allowedOrigins)
        self.localScheme = localScheme
        hasDynamicPort = publicURL == nil && listen.ipAddress != nil && listen.port == 0
        var origins: [String: ServerOrigin] = [:]
        if let publicURL {
            for authority in Self.authorities(of: publicURL) { origins[authority] = ServerOrigin(publicURL) }
        } else {
            for host in Self.loopbackNames(listen) where !hasDynamicPort {
                let port = localScheme.defaultPort
                origins["\(host):\(listen.port)"] = Self.local(host, listen.port, localScheme)
                if listen.port == port || listen.ipAddress == nil {
                    origins[host] = Self.local(host, port, localScheme)
                }
            }
        }
        self.origins = origins
        distinct = Set(origins.values).sorted { $0.description.utf8.lexicographicallyPrecedes($1.description.utf8) }
    }

    private init(at site: HTTPURL, allowedOrigins: Set<String>) {
        self.allowedOrigins = allowedOrigins
        localScheme = site.scheme
        hasDynamicPort = false
        let origin = ServerOrigin(site)
        origins = Dictionary(uniqueKeysWithValues: Self.authorities(of: site).map { ($0, origin) })
        distinct = [origin]
    }

    /// The policy of another host of ours: its name alone counts there, and pages of that host and those allowed may call.
    package func at(_ site: HTTPURL) -> HostPolicy { HostPolicy(at: site, allowedOrigins: allowedOrigins) }

    /// A host as clients may write it in `Host`: with its port, and without where that is the scheme's own.
    package static func authorities(of url: HTTPURL) -> [String] {
        let full = "\(url.host):\(url.port)"
        return url.port == url.scheme.defaultPort ? ["\(url.host)", full] : [full]
    }

    /// Our origin as the request names it.
    package func origin(of request: HTTPRequest) throws(HostRefusal) -> ServerOrigin {
        guard let origin = ownOrigin(request) else { throw .misdirected }
        try checkWebOrigin(of: request)
        return origin
    }

    /// The names under which clients may know us, the one that this request uses first: for requests of a proxy, which asks
    /// under whatever name it has for us. With a public URL there is one.
    package func possibleOrigins(of request: HTTPRequest) -> [ServerOrigin] {
        let own = ownOrigin(request)
        let all =
            hasDynamicPort
            ? Self.loopbackNames(request.localAddress).map { Self.local($0, request.localAddress.port, localScheme) }
            : distinct
        return all.count == 1 || own == nil ? all : (own.map { [$0] } ?? []) + all.filter { $0 != own }
    }

    /// Whether `origin` is one of ours.
    package func isOwn(origin: String) -> Bool {
        origins.values.contains { $0.description == origin }
    }

    /// Whether pages of a web origin may call us: our own and those allowed.
    package func permits(webOrigin: String, at request: HTTPRequest) -> Bool {
        allowedOrigins.contains("*") || allowedOrigins.contains(webOrigin) || isOwn(origin: webOrigin)
            || hasDynamicPort && ownOrigin(request)?.description == webOrigin
    }

    /// The names that stand beside each other on loopback.
    private static func loopbackNames(_ listen: SocketAddress) -> [String] {
        let names = ["localhost", "127.0.0.1", "[::1]"]
        guard let address = listen.ipAddress else { return names }
        let own = HTTPURL.Host.address(address).description
        return names.contains(own) ? names : names + [own]
    }

    private static func local(_ host: String, _ port: Int, _ scheme: HTTPURL.Scheme) -> ServerOrigin {
        ServerOrigin(scheme: scheme, authority: port == scheme.defaultPort ? host : "\(host):\(port)")
    }

    private func ownOrigin(_ request: HTTPRequest) -> ServerOrigin? {
        guard hasDynamicPort else { return origins[request.authority] }
        let port = request.localAddress.port
        return Self.loopbackNames(request.localAddress)
            .first { "\($0):\(port)" == request.authority }
            .map { Self.local($0, port, localScheme) }
    }

    private func checkWebOrigin(of request: HTTPRequest) throws(HostRefusal) {
        switch request.fields.count(of: "origin") {
        case 0: return
        case 1:
            // `null` is never in the set: any page can make itself opaque.
            guard let claimed = request.fields["origin"], claimed != "null", permits(webOrigin: claimed, at: request)
            else { throw .forbiddenOrigin }
        default: throw .forbiddenOrigin
        }
    }
}
