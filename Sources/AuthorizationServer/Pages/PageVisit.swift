import HTTP
import OAuth

/// One request for a page of ours, with the checks that every page shares.
struct PageVisit {
    private static let maximumBytes = 16 * 1024

    let service: AuthorizationService
    let origin: ServerOrigin
    let request: HTTPRequest

    /// Checks `Host` and `Origin` and the rate of this address; nothing else of the request has been read by then.
    init(_ request: HTTPRequest, service: AuthorizationService) throws {
        // `null` is what a browser says when a page may not tell where it is; `SameOriginCheck` judges it for posts.
        let isOpaque = request.fields.values("origin") == ["null"]
        let site = request.fields.values("sec-fetch-site")
        origin =
            isOpaque && site == ["same-origin"]
            ? try service.openOrigin(of: request) : try service.origin(of: request)
        self.service = service
        self.request = request
        guard request.method != .post || SameOriginCheck.permits(request, origin: origin) else {
            throw AuthorizationRefusal.forgedForm
        }
        try service.limitPages(request)
    }

    /// The names of our cookies for this origin.
    var cookies: BrowserCookies { BrowserCookies(origin: origin) }

    /// The authorization request's way across the pages.
    var flow: AuthorizationFlow { AuthorizationFlow(service: service, origin: origin, request: request) }

    /// One query parameter; repeated is refused, empty is absent.
    func query(_ name: String) throws -> String? {
        try PageVisit.single(name) { try request.queryParameters() }
    }

    /// The posted form. Another content type is refused: a JSON body posted as text is not a form (U02).
    func form(_ body: HTTPRequestBody) async throws -> PostedForm {
        guard FormBody.isForm(request) else { throw AuthorizationRefusal.forgedForm }
        do {
            return PostedForm(try FormParameters(parsing: try await body.collect(upTo: PageVisit.maximumBytes)))
        } catch {
            throw AuthorizationRefusal.unreadable
        }
    }

    private static func single(_ name: String, _ form: () throws -> FormParameters) throws -> String? {
        do {
            return try PostedForm(form()).value(name)
        } catch {
            throw AuthorizationRefusal.unreadable
        }
    }
}

/// A form of our own pages: each field once.
struct PostedForm {
    private let parameters: FormParameters

    /// Wraps what was parsed.
    init(_ parameters: FormParameters) {
        self.parameters = parameters
    }

    /// The field's value; repeated is refused, empty is absent.
    func value(_ name: String) throws(AuthorizationRefusal) -> String? {
        let values = parameters.values(name)
        guard values.count <= 1 else { throw .repeatedParameter(name) }
        return values.first.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Refuses a form that was not made for this browser and purpose (U02).
    func verify(purpose: String, browserSecret: String) throws(AuthorizationRefusal) {
        guard FormToken.isValid(try value("form_token"), for: purpose, browserSecret: browserSecret) else {
            throw .forgedForm
        }
    }
}
