import HTTP

/// `/icons`: what ``IconAddresses`` points at. Clients fetch icons without credentials, so everybody may ask; what is at no
/// address that we made does not exist.
struct IconEndpoint: HTTPResponder {
    let addresses: IconAddresses
    let pictures: IconPictures
    let pages: CrossOriginPolicy

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do throws(HostRefusal) {
            _ = try pages.originIgnoringPage(request)
        } catch {
            return error.response
        }
        guard let parameters = try? request.queryParameters(), let target = addresses.target(parameters),
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
