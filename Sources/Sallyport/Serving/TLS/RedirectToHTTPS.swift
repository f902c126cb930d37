import HTTP

/// Answers on `tls.redirect_listen`: the right address, for whoever typed it without https.
struct RedirectToHTTPS: HTTPResponder {
    /// How clients reach the gateway. Never what the request claims: anybody could be sent anywhere.
    let origin: String
    /// The same for the hosts of the servers, by what stands in `Host` without a port.
    var sites: @Sendable (String) -> String? = { _ in nil }
    /// What validators of a certificate authority look for here.
    var challenges: ACMEChallenges?

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        if let response = challenges?.response(to: request) { return response }
        let origin = sites(String(request.authority.prefix { $0 != ":" })) ?? origin
        // What was sent with any other method is out already; a client that is led on would do it again, every time.
        guard request.method == .get || request.method == .head else {
            return .text(.forbidden, "This server is used by https alone: \(origin)")
        }
        let query = request.query.map { "?\($0)" } ?? ""
        var response = HTTPResponse.text(.permanentRedirect, "This server is used by https alone: \(origin)")
        response.fields.append("Location", "\(origin)\(request.path)\(query)")
        return response
    }
}
