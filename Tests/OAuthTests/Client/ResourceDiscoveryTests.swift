import AsyncIO
import Foundation
import HTTP
import OAuth
import Synchronization
import Testing

/// How a client finds out where to log in (d11).
@Suite struct ResourceDiscoveryTests {
    /// A server whose documents a test chooses; paths without one are not found.
    private final class Site: Sendable {
        let documents = Mutex<[String: String]>([:])
        let asked = Mutex<[String]>([])
        let loops = EventLoopGroup(count: 1)
        let origin: String
        private let server: HTTPServer

        private struct Page: HTTPResponder {
            let documents: Box
            func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
                documents.answer(String(request.path))
            }
        }

        private final class Box: Sendable {
            let answers = Mutex<(@Sendable (String) -> HTTPResponse)?>(nil)
            func answer(_ path: String) -> HTTPResponse {
                answers.withLock { $0 }?(path) ?? HTTPResponse(status: .notFound)
            }
        }

        init() async throws {
            let box = Box()
            server = HTTPServer(group: loops, responder: Page(documents: box))
            let port = try await server.start(on: .ip(.v4(0x7F00_0001), port: 0)).port
            origin = "http://127.0.0.1:\(port)"
            box.answers.withLock { answers in
                answers = { [weak self] path in
                    guard let self else { return HTTPResponse(status: .notFound) }
                    asked.withLock { $0.append(path) }
                    guard let text = documents.withLock({ $0[path] }) else { return .text(.notFound, "nothing here") }
                    return HTTPResponse(
                        status: .ok, fields: ["Content-Type": "application/json"], body: .bytes(Array(text.utf8)))
                }
            }
        }

        func publish(_ path: String, _ text: String) {
            documents.withLock { $0[path] = text.replacingOccurrences(of: "ORIGIN", with: origin) }
        }

        func discover(_ path: String, _ challenges: [String] = []) async throws -> ResourceAccess {
            let endpoint = try HTTPURL(origin + path)
            let client = HTTPClient(on: loops.loops[0], policy: .configured)
            let documents = OutboundDocuments(
                home: endpoint,
                clients: OutboundClients(
                    configured: client, publicOnly: HTTPClient(on: loops.loops[0], policy: .publicOnly)))
            return try await ResourceDiscovery(endpoint: endpoint, documents: documents).access(
                challenges: challenges.map { $0.replacingOccurrences(of: "ORIGIN", with: origin) })
        }

        func close() async {
            await server.drain(within: .milliseconds(100))
            loops.shutdown()
        }
    }

    private static let resourcePlace = "/.well-known/oauth-protected-resource"
    private static let serverPlace = "/.well-known/oauth-authorization-server"
    private static func metadata(_ issuer: String, _ more: String = "") -> String {
        #"{"issuer":"\#(issuer)","authorization_endpoint":"ORIGIN/authorize","token_endpoint":"ORIGIN/token","#
            + #""response_types_supported":["code"],"registration_endpoint":"ORIGIN/register","#
            + #""code_challenge_methods_supported":["S256"]\#(more)}"#
    }

    private static func resource(_ name: String, issuer: String = "ORIGIN", more: String = "") -> String {
        #"{"resource":"\#(name)","authorization_servers":["\#(issuer)"]\#(more)}"#
    }

    private func with(_ body: (Site) async throws -> Void) async throws {
        let site = try await Site()
        do {
            try await body(site)
        } catch {
            await site.close()
            throw error
        }
        await site.close()
    }

    @Test("d11, b2: the place that the challenge names, then the endpoint's path, then the root")
    func order() async throws {
        try await with { site in
            site.publish(Self.serverPlace, Self.metadata("ORIGIN"))
            site.publish(Self.resourcePlace, Self.resource("ORIGIN", more: #","scopes_supported":["root"]"#))
            #expect(try await site.discover("/a/mcp").scopes == ["root"])
            site.publish(
                "\(Self.resourcePlace)/a/mcp", Self.resource("ORIGIN/a/mcp", more: #","scopes_supported":["path"]"#))
            let byPath = try await site.discover("/a/mcp")
            #expect(byPath.scopes == ["path"] && byPath.resource == "\(site.origin)/a/mcp")
            #expect(byPath.registrationEndpoint?.text == "\(site.origin)/register")
            site.publish("/meta", Self.resource("ORIGIN/a/mcp"))
            let named = try await site.discover("/a/mcp", [#"Bearer resource_metadata="ORIGIN/meta", scope="s1 s2""#])
            #expect(named.scopes == ["s1", "s2"], "the challenge wins over scopes_supported")
        }
    }

    @Test("d11, a2: three places for an issuer with a path; a server from before RFC 9728 is its own")
    func authorizationServer() async throws {
        try await with { site in
            site.publish("\(Self.resourcePlace)/mcp", Self.resource("ORIGIN/mcp", issuer: "ORIGIN/tenant"))
            site.publish("/tenant/.well-known/openid-configuration", Self.metadata("ORIGIN/tenant"))
            #expect(try await site.discover("/mcp").server.issuer == "\(site.origin)/tenant")
            let asked = site.asked.withLock { $0 }
            #expect(
                asked.suffix(3) == [
                    "\(Self.serverPlace)/tenant", "/.well-known/openid-configuration/tenant",
                    "/tenant/.well-known/openid-configuration",
                ])
            site.documents.withLock { $0 = [:] }
            site.publish(Self.serverPlace, Self.metadata("ORIGIN"))
            let old = try await site.discover("/mcp")
            #expect(old.server.issuer == site.origin && old.resource == "\(site.origin)/mcp" && old.scopes.isEmpty)
        }
    }

    @Test("d11: what cannot be trusted or does not protect ends the login")
    func refusals() async throws {
        try await with { site in
            let metadata = "\(Self.resourcePlace)/mcp"
            func refused(_ challenges: [String] = []) async -> ProviderFailure.Code? {
                do {
                    _ = try await site.discover("/mcp", challenges)
                    return nil
                } catch let failure as ProviderFailure {
                    return failure.code
                } catch {
                    Issue.record(error)
                    return nil
                }
            }
            site.publish(Self.serverPlace, Self.metadata("ORIGIN"))
            site.publish(metadata, Self.resource("ORIGIN/mcp"))
            #expect(await refused() == nil)
            #expect(await refused([#"Bearer resource_metadata="https://evil.test/meta""#]) == .untrusted)
            site.publish(metadata, Self.resource("https://other.test/mcp"))
            #expect(await refused() == .untrusted, "another resource")
            site.publish(metadata, Self.resource("ORIGIN/mcpx"))
            #expect(await refused() == .untrusted, "not above it")
            site.publish(metadata, #"{"resource":"ORIGIN/mcp","authorization_servers":[]}"#)
            #expect(await refused() == .misconfigured, "no server")
            site.publish(metadata, Self.resource("ORIGIN/mcp", issuer: "http://evil.test"))
            #expect(await refused() == .untrusted, "a login in the clear")
            site.publish(metadata, Self.resource("ORIGIN/mcp", issuer: "javascript:alert(1)"))
            #expect(await refused() == .untrusted)
            site.publish(metadata, Self.resource("ORIGIN/mcp"))
            site.publish(Self.serverPlace, Self.metadata("https://evil.test"))
            #expect(await refused() == .untrusted, "an issuer that is not the one asked")
            site.publish(
                Self.serverPlace,
                Self.metadata("ORIGIN").replacingOccurrences(of: "\"S256\"", with: "\"plain\""))
            #expect(await refused() == .misconfigured, "no PKCE")
            site.documents.withLock { $0 = [:] }
            #expect(await refused() == .misconfigured, "nothing anywhere")
        }
    }
}
