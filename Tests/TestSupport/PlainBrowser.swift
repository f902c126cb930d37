import Foundation

/// A browser without scripts: keeps cookies, follows redirects, sends forms. Blocking: use it from `onThread`.
package final class PlainBrowser {
    package struct WalkError: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    package let origin: String
    private let port: Int
    private var cookies: [String: String] = [:]
    /// Every answer on the way, for tests that look at each hop.
    package private(set) var hops: [(request: String, response: PlainResponse)] = []

    package init(port: Int, host: String = "localhost") {
        self.port = port
        origin = "http://\(host):\(port)"
    }

    /// One request with our cookies; `target` is a path or a URL of our origin.
    @discardableResult
    package func send(
        _ method: String, _ target: String, body: String? = nil, headers extra: [String: String] = [:]
    ) throws -> PlainResponse {
        let path = target.hasPrefix(origin) ? String(target.dropFirst(origin.count)) : target
        var headers = ["Host": String(origin.dropFirst("http://".count)), "Accept": "text/html"]
        if !cookies.isEmpty { headers["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ") }
        if body != nil {
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = origin
            headers["Sec-Fetch-Site"] = "same-origin"
        }
        headers.merge(extra) { _, given in given }
        let response = try PlainHTTP.exchange(
            port: port, method, path.isEmpty ? "/" : path, headers, body: Array((body ?? "").utf8))
        for cookie in response.values("set-cookie") { keep(cookie) }
        hops.append(("\(method) \(path)", response))
        return response
    }

    private func keep(_ cookie: String) {
        let parts = cookie.components(separatedBy: ";").map { $0.trimmingCharacters(in: .whitespaces) }
        guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { return }
        let name = String(pair[..<equals])
        let value = String(pair[pair.index(after: equals)...])
        let gone = value.isEmpty || parts.contains { $0.lowercased() == "max-age=0" }
        cookies[name] = gone ? nil : value
    }

    /// Sends the form as a person would: `button` is the one pressed.
    package func submit(_ form: PageForm, on page: String, pressing button: PageForm.Field?) throws -> PlainResponse {
        let action = form.action.isEmpty ? page : form.action
        let body = form.encoded(pressing: button)
        return form.method == "POST"
            ? try send("POST", action, body: body) : try send("GET", action + (body.isEmpty ? "" : "?" + body))
    }

    /// Walks from `start` through login and consent until a redirect leaves for `redirectURI`; returns its URL.
    package func walk(_ start: String, to redirectURI: String, as user: String, _ password: String) throws -> String {
        var target = start
        var response = try send("GET", start)
        for _ in 0..<12 {
            if let location = response.header("location") {
                if location.hasPrefix(redirectURI) { return location }
                target = location
                response = try send("GET", location)
                continue
            }
            guard response.status == 200, let (form, button) = Self.fill(response.text, user, password) else {
                throw WalkError(description: "stuck at \(target): \(response.status)\n\(response.text.prefix(1500))")
            }
            target = form.action.isEmpty ? target : form.action
            response = try submit(form, on: target, pressing: button)
        }
        throw WalkError(description: "no way from \(start) to \(redirectURI)")
    }

    /// Finds the form that leads on: a password form is filled, a consent form allowed.
    private static func fill(_ page: String, _ user: String, _ password: String) -> (PageForm, PageForm.Field?)? {
        let forms = PageForm.all(in: page)
        if var form = forms.first(where: { $0.fields.contains { $0.type == "password" } }) {
            for index in form.fields.indices {
                switch form.fields[index].type {
                case "password": form.fields[index].value = password
                case "text", "email": form.fields[index].value = user
                default: break
                }
            }
            return (form, form.buttons.first)
        }
        for form in forms where form.fields.contains(where: { $0.name == "decision" && $0.value == "allow" }) {
            return (form, form.buttons.first)
        }
        return nil
    }
}
