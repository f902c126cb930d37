package import HTTP
import OAuth

/// Where GitHub is: github.com, a tenant of ghe.com, or an Enterprise Server, which has everything under one host.
package struct GitHubEndpoints: Sendable {
    /// The web pages, without a path: what users are known under.
    let base: HTTPURL
    /// The REST interface.
    let api: String

    /// GitHub whose web pages are at `base`.
    package init(base: HTTPURL) {
        self.base = base
        let host = base.host.description
        let hasOwnHost = host == "github.com" || host.hasSuffix(".ghe.com")
        api = hasOwnHost ? "https://api.\(host)" : base.origin + "/api/v3"
    }

    /// The endpoints of the code grant. GitHub wants its clients' secret in the body.
    func exchange() throws(ProviderFailure) -> CodeExchange.Endpoints {
        CodeExchange.Endpoints(
            authorization: try url("/login/oauth/authorize"), token: try url("/login/oauth/access_token"),
            methods: ["client_secret_post"])
    }

    private func url(_ path: String) throws(ProviderFailure) -> HTTPURL {
        try Self.url(base.origin + path)
    }

    /// A URL that was put together here.
    static func url(_ text: String) throws(ProviderFailure) -> HTTPURL {
        do throws(HTTPURLError) {
            return try HTTPURL(text)
        } catch {
            throw ProviderFailure(.misconfigured, "\(text) is no URL")
        }
    }
}
