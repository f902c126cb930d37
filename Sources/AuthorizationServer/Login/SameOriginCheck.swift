import HTTP

/// Posts of our own pages come from our own pages (U02).
///
/// Browsers say where a post comes from in `Origin` and `Sec-Fetch-Site`; what they say must be us. Programs that are not
/// browsers send neither and are held by the form token alone. `Origin: null` is what a browser sends when the page may
/// not tell; it passes only beside `Sec-Fetch-Site: same-origin`, which no page can forge.
enum SameOriginCheck {
    static func permits(_ request: HTTPRequest, origin: ServerOrigin) -> Bool {
        let sites = request.fields.values("sec-fetch-site")
        let origins = request.fields.values("origin")
        guard sites.count <= 1, origins.count <= 1 else { return false }
        if let site = sites.first, site != "same-origin" { return false }
        guard let claimed = origins.first else { return true }
        if claimed == "null" { return sites.first == "same-origin" }
        return claimed.utf8.elementsEqual(origin.description.utf8)
    }
}
