/// Chooses the responder by method and canonical path; says 404 and 405 itself.
///
/// A pattern is a path whose segments are literal or `{name}`, which matches one segment; the last may be `{name...}`,
/// which matches one or more. Literal paths win over patterns, and patterns win in the order of registration. HEAD is
/// answered by the responder for GET unless it has one of its own; the server leaves the content out.
package struct HTTPRouter: HTTPResponder {
    private typealias Methods = [HTTPMethod: any HTTPResponder]

    private struct PatternRoute: Sendable {
        let pattern: HTTPPathPattern
        var methods: Methods
    }

    private var literals: [String: Methods] = [:]
    private var patterns: [PatternRoute] = []

    /// A router that knows no path.
    package init() {}

    /// Registers a responder. The last one for the same method and pattern wins.
    package mutating func on(_ method: HTTPMethod, _ pattern: String, _ responder: any HTTPResponder) {
        guard let parsed = HTTPPathPattern(pattern) else {
            literals[pattern, default: [:]][method] = responder
            return
        }
        if let index = patterns.firstIndex(where: { $0.pattern == parsed }) {
            patterns[index].methods[method] = responder
        } else {
            patterns.append(PatternRoute(pattern: parsed, methods: [method: responder]))
        }
    }

    /// Registers a closure.
    package mutating func on(
        _ method: HTTPMethod, _ pattern: String,
        _ handler: @escaping @Sendable (HTTPRequest, HTTPRequestBody) async -> HTTPResponse
    ) {
        on(method, pattern, HTTPHandler(handler))
    }

    /// Answers through the responder for the path and method, or with 404 or 405.
    package func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var request = request
        if let responder = successor(for: &request) { return await responder.respond(to: request, body: body) }
        if let methods = methods(for: &request) { return Self.methodNotAllowed(request, methods) }
        return HTTPResponse.text(.notFound, "There is nothing at this address.")
    }

    /// The responder for the path and method, if there is one.
    package func successor(for request: inout HTTPRequest) -> (any HTTPResponder)? {
        methods(for: &request).flatMap { Self.responder(request.method, $0) }
    }

    /// What there is at the path; sets the parameters.
    private func methods(for request: inout HTTPRequest) -> Methods? {
        if let methods = literals[request.path] { return methods }
        for route in patterns {
            guard let parameters = route.pattern.match(request.path) else { continue }
            request.parameters = parameters
            return route.methods
        }
        return nil
    }

    private static func responder(_ method: HTTPMethod, _ methods: Methods) -> (any HTTPResponder)? {
        methods[method] ?? (method == .head ? methods[.get] : nil)
    }

    private static func methodNotAllowed(_ request: HTTPRequest, _ methods: Methods) -> HTTPResponse {
        var allowed = Set(methods.keys)
        if allowed.contains(.get) { allowed.insert(.head) }
        var response = HTTPResponse.text(.methodNotAllowed, "This address does not take \(request.method.rawValue).")
        response.fields.append("Allow", allowed.map(\.rawValue).sorted().joined(separator: ", "))
        return response
    }
}

/// A path with placeholders.
struct HTTPPathPattern: Sendable, Equatable {
    enum Segment: Sendable, Equatable {
        case literal(String)
        case one(String)
        case rest(String)
    }

    let segments: [Segment]

    /// Nil when there is no placeholder in it.
    init?(_ text: String) {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return nil }
        segments = text.split(separator: "/").map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .one(String(name))
        }
    }

    func match(_ path: String) -> HTTPPathParameters? {
        var rest = path.utf8.dropFirst()
        var found: [(name: String, value: String)] = []
        for (index, segment) in segments.enumerated() {
            if rest.isEmpty { return nil }
            if case .rest(let name) = segment {
                found.append((name, String(Substring(rest))))
                return HTTPPathParameters(found)
            }
            let end = rest.firstIndex(of: UInt8(ascii: "/"))
            let part = rest[..<(end ?? rest.endIndex)]
            switch segment {
            case .literal(let text): guard text.utf8.elementsEqual(part) else { return nil }
            case .one(let name):
                guard !part.isEmpty else { return nil }
                found.append((name, String(Substring(part))))
            case .rest: return nil
            }
            guard let end else { return index == segments.count - 1 ? HTTPPathParameters(found) : nil }
            rest = rest[rest.index(after: end)...]
            // A slash at the end makes another path.
            if index == segments.count - 1 { return nil }
        }
        return nil
    }
}
