import HTTP

/// `/icons`: what ``IconAddresses`` points at. Clients fetch icons without credentials, so everybody may ask; what is at no
/// address that we made does not exist, nor, at a server's own host, what another server shows.
struct IconEndpoint: HTTPResponder {
    let addresses: IconAddresses
    let pictures: IconPictures
    let pages: CrossOriginPolicy
    /// Whose host this is; nil where it is everybody's.
    var server: String?

    /// The same at a server's own host.
    func at(_ site: HTTPURL, of server: String) -> IconEndpoint {
        IconEndpoint(addresses: addresses, pictures: pictures, pages: pages.at(site), server: server)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do throws(HostRefusal) {
            _ = try pages.originIgnoringPage(request)
        } catch {
            return error.response
        }
        guard let parameters = try? request.queryParameters(), let target = addresses.target(parameters),
            server == nil || server == target.server,
            let picture = await pictures.picture(at: target.url, of: target.server)
        else { return HTTPResponse.text(.notFound, "There is no icon at this address.") }
        return HTTPResponse(
            status: .ok,
            fields: [
                "Content-Type": picture.type, "X-Content-Type-Options": "nosniff",
                "Cache-Control": "public, max-age=3600", "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cross-Origin-Resource-Policy": "cross-origin",
            ], body: .bytes(picture.bytes))
    }
}
