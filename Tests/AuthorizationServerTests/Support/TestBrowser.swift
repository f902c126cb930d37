import Foundation
import HTTP

/// A browser without scripts: keeps cookies and sends what browsers send with forms.
final class TestBrowser {
    let fixture: Fixture
    let origin: String
    var cookies: [String: String] = [:]

    init(_ fixture: Fixture, origin: String = "http://localhost:8080") {
        self.fixture = fixture
        self.origin = origin
    }

    func get(_ target: String) async -> Answer {
        keep(await fixture.send(.get, target, fields: cookieField, origin: origin))
    }

    /// Sends a form. `from` is the origin of the page with the form; `nil` sends neither Origin nor Sec-Fetch-Site.
    func post(_ target: String, _ form: [String: String], from page: String? = "http://localhost:8080") async -> Answer
    {
        var fields = cookieField
        if let page {
            fields.append(("Origin", page))
            fields.append(("Sec-Fetch-Site", page == origin ? "same-origin" : "cross-site"))
        }
        return keep(
            await fixture.send(.post, target, fields: fields, form: form.map { ($0.key, $0.value) }, origin: origin))
    }

    /// Follows redirects within the server until a page or a redirect that leaves.
    func follow(_ answer: Answer) async -> Answer {
        var answer = answer
        for _ in 0..<5 {
            guard answer.status == 303, let location = answer.location, location.hasPrefix("/") else { break }
            answer = await get(location)
        }
        return answer
    }

    var cookieField: [(String, String)] {
        cookies.isEmpty ? [] : [("Cookie", cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))]
    }

    @discardableResult
    func keep(_ answer: Answer) -> Answer {
        for cookie in answer.headers("set-cookie") {
            let pair = cookie.components(separatedBy: ";")[0].split(separator: "=", maxSplits: 1)
            let name = String(pair[0])
            let isRemoval = cookie.contains("Max-Age=0")
            cookies[name] = isRemoval ? nil : (pair.count > 1 ? String(pair[1]) : "")
        }
        return answer
    }
}
