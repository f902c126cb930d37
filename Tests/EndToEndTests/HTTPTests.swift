import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The HTTP layer of the program, asked with raw bytes.
    @Suite("Raw HTTP")
    struct RawHTTP {
        /// Sends `text` and reads to the end; how many answers came and the status of the first.
        static func raw(_ gateway: GatewayProcess, _ text: String) async throws -> (
            status: Int, answers: Int, closed: Bool
        ) {
            let port = gateway.port
            let follow = "GET /live HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n\r\n"
            let full = text.replacingOccurrences(of: "HOST", with: "localhost:\(port)")
            return try await onThread {
                let connection = try PlainConnection(port: port, timeout: 3)
                // The peer may close while we write: what it answered before is what counts.
                try? connection.send(full + follow)
                var bytes: [UInt8] = []
                var closed = true
                do {
                    while let more = try connection.receive() { bytes += more }
                } catch PlainConnectionError.timedOut {
                    closed = false
                } catch PlainConnectionError.read {}
                let answer = String(decoding: bytes, as: UTF8.self)
                let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                return (status, answer.components(separatedBy: "HTTP/1.1 ").count - 1, closed)
            }
        }

        static let malformed: [(row: String, text: String)] = [
            (
                "H01",
                "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            ("H01", "POST /token HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("H02", "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: +5\r\n\r\nhello"),
            ("H02", "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5, 5\r\n\r\nhello"),
            ("H02", "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
            ("H02", "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x5\r\n\r\nhello"),
            ("H02", "POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            ("H03", "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            ("H03", "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
            ("H03", "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            ("H04", "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
            (
                "H04",
                "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"
            ),
            ("H04", "POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
            ("H05", "GET /live HTTP/1.1\r\nHost : HOST\r\n\r\n"),
            ("H05", "GET /live HTTP/1.1\r\nHost: HOST\r\n folded: x\r\n\r\n"),
            ("H05", "GET /live HTTP/1.1\nHost: HOST\n\n"),
            ("H05", "GET /live HTTP/1.1\r\nHost: HOST\r\nX\u{0}: y\r\n\r\n"),
            ("H05", "GET /live HTTP/1.1\r\nHost: HOST\r\n: empty\r\n\r\n"),
            ("H05", "GET /live HTTP/2.7\r\nHost: HOST\r\n\r\n"),
            ("H06", "GET /live HTTP/1.1\r\n\r\n"),
            ("H06", "GET /live HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n"),
        ]

        @Test("H01–H06: a malformed request is answered once with 4xx or 501, and nothing after it is served")
        func malformedRequests() async throws {
            let gateway = try await EndToEnd.gateway()
            for (row, text) in Self.malformed {
                let (status, answers, closed) = try await Self.raw(gateway, text)
                #expect(
                    (400..<500).contains(status) || status == 501 || status == 505,
                    "\(row): \(status) for \(text.debugDescription)")
                #expect(
                    answers == 1 && closed, "\(row): \(answers) answers, closed \(closed), for \(text.debugDescription)"
                )
            }
            #expect(try await gateway.request("GET", "/live").status == 200)
        }

        @Test("H06: Host and Origin are checked on every endpoint, each by itself")
        func hostAndOrigin() async throws {
            let gateway = try await EndToEnd.gateway()
            let port = gateway.port
            let endpoints = [
                ("POST", "/demo/mcp"), ("GET", "/demo/mcp"), ("DELETE", "/demo/mcp"), ("GET", "/authorize"),
                ("POST", "/token"), ("POST", "/register"), ("POST", "/revoke"), ("GET", "/login"), ("POST", "/login"),
                ("POST", "/consent"), ("GET", "/"), ("GET", "/.well-known/oauth-authorization-server"),
                ("GET", "/.well-known/oauth-protected-resource/demo/mcp"),
            ]
            for (method, path) in endpoints {
                for host in ["evil.test", "localhost.evil.test:\(port)", "localhost:1", "169.254.169.254"] {
                    let status = try await gateway.request(method, path, ["Host": host]).status
                    #expect(status == 421, "\(method) \(path) Host \(host): \(status)")
                }
            }
            // The endpoints that a browser client must reach are open to every origin; these are not.
            for (method, path) in [
                ("POST", "/demo/mcp"), ("GET", "/demo/mcp"), ("POST", "/login"), ("POST", "/consent"),
            ] {
                for origin in ["https://evil.test", "null", "http://localhost.evil.test"] {
                    let status = try await gateway.request(method, path, ["Origin": origin]).status
                    #expect(status == 403, "\(method) \(path) Origin \(origin): \(status)")
                }
            }
        }

        @Test("H07: too long is refused before it is read")
        func oversize() async throws {
            let gateway = try await EndToEnd.gateway()
            let long = String(repeating: "a", count: 9 << 10)
            #expect(try await Self.raw(gateway, "GET /\(long) HTTP/1.1\r\nHost: HOST\r\n\r\n").status == 414)
            #expect(try await Self.raw(gateway, "GET /live HTTP/1.1\r\nHost: HOST\r\nX: \(long)\r\n\r\n").status == 431)
            let many = (0..<120).map { "X-\($0): y\r\n" }.joined()
            #expect(try await Self.raw(gateway, "GET /live HTTP/1.1\r\nHost: HOST\r\n\(many)\r\n").status == 431)
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let before = ProcessTable.residentBytes(gateway.pid)
            let head =
                "POST /demo/mcp HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            let declared = try await Self.raw(gateway, head + "Content-Length: 2147483648\r\n\r\n")
            #expect(declared.status == 413)
            let encoded = try await Self.raw(gateway, head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
            #expect(encoded.status == 415, "\(encoded.status)")
            #expect(ProcessTable.residentBytes(gateway.pid) - before < 8 << 20)
        }

        @Test("H09: pipelined requests are answered in order, bytes after close are ignored")
        func pipelining() async throws {
            let gateway = try await EndToEnd.gateway()
            let two = "GET /live HTTP/1.1\r\nHost: HOST\r\n\r\nGET /nowhere-at-all HTTP/1.1\r\nHost: HOST\r\n\r\n"
            let (status, answers, _) = try await Self.raw(gateway, two)
            #expect(status == 200 && answers == 3)
            let closing = "GET /live HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
            #expect(try await Self.raw(gateway, closing).answers == 1)
        }

        @Test("H10: tunnels and odd methods are refused")
        func oddMethods() async throws {
            let gateway = try await EndToEnd.gateway()
            for line in ["CONNECT HOST HTTP/1.1", "TRACE / HTTP/1.1", "BREW / HTTP/1.1"] {
                let status = try await Self.raw(gateway, "\(line)\r\nHost: HOST\r\n\r\n").status
                #expect([400, 405, 501].contains(status), "\(line): \(status)")
            }
            let foreign = try await Self.raw(gateway, "GET http://evil.test/live HTTP/1.1\r\nHost: HOST\r\n\r\n").status
            #expect([400, 421].contains(foreign), "\(foreign)")
        }

        @Test("H12: no line end from a parameter reaches a header")
        func responseSplitting() async throws {
            let gateway = try await EndToEnd.gateway()
            for target in [
                "/authorize?client_id=x&state=%0d%0aSet-Cookie:%20a=b", "/login?next=%0d%0aX-Injected:%20y",
                "/demo%0d%0aX-Injected:%20y/mcp",
            ] {
                let answer = try await gateway.request("GET", target)
                #expect(
                    answer.header("x-injected") == nil
                        && answer.values("set-cookie").allSatisfy { !$0.hasPrefix("a=b") })
            }
        }

        @Test("H12: deep and ambiguous JSON is a parse error, not a fall")
        func parseBombs() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let deep = String(repeating: "[", count: 100_000)
            for body in [
                #"{"jsonrpc":"2.0","id":1,"method":"ping","params":\#(deep)"#,
                #"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, #"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
                "\u{FEFF}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "", "nonsense",
            ] {
                let answer = try await onThread { try client.post(body) }
                #expect(answer.status == 400, "\(body.prefix(60)): \(answer.status)")
            }
        }

        @Test("R06: no spelling of a path gets past the token")
        func pathConfusion() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.hostile())
            let other = try await EndToEnd.logIn(gateway, to: "/demo/mcp").tokens.access
            for path in [
                "/bad/mcp", "/bad/mcp/", "//bad/mcp", "/bad//mcp", "/./bad/mcp", "/demo/../bad/mcp",
                "/demo/..%2fbad/mcp",
                "/%62ad/mcp", "/bad%2fmcp", "/bad/mcp;x", "/bad/mcp%00", "/bad\\mcp", "/BAD/mcp",
                "/bad/mcp?x=/demo/mcp",
                "/demo%2f..%2fbad%2fmcp", "/bad/%6dcp", "/bad/mcp%23", "/%2562ad/mcp", "/health/../bad/mcp",
            ] {
                for token in [nil, other] {
                    var fields = ["Content-Type": "application/json", "Accept": "application/json, text/event-stream"]
                    if let token { fields["Authorization"] = "Bearer \(token)" }
                    let answer = try await gateway.request(
                        "POST", path, fields, body: PlainMCP.request("initialize", id: 1))
                    #expect([400, 401, 404, 405].contains(answer.status), "\(path): \(answer.status)")
                }
            }
            let spawned = ProcessTable.descendants(of: gateway.pid)
            #expect(spawned == [], "nothing was started")
        }

        @Test("R01: no token, a token in the query, two tokens")
        func tokenPlaces() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let none = try await gateway.request("POST", "/demo/mcp")
            let challenge = try #require(none.header("www-authenticate"))
            #expect(none.status == 401 && challenge.hasPrefix("Bearer ") && !challenge.contains("error="))
            #expect(
                challenge.contains(
                    "resource_metadata=\"\(gateway.origin)/.well-known/oauth-protected-resource/demo/mcp\""))
            #expect(try await gateway.request("POST", "/demo/mcp?access_token=\(token)").status == 401)
            let twice =
                "POST /demo/mcp HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer \(token)\r\n"
                + "Authorization: Bearer \(token)\r\nContent-Length: 0\r\n\r\n"
            #expect(try await Self.raw(gateway, twice).status == 400)
            let lower = try await gateway.request(
                "POST", "/demo/mcp",
                [
                    "Authorization": "bEaReR \(token)", "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream",
                ], body: PlainMCP.request("ping", id: 1))
            #expect(lower.status != 401, "the scheme's case does not matter")
        }

        @Test("R04, T01, T06: tokens that are none are refused, and nothing is started for them")
        func madeUpTokens() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let parts = token.components(separatedBy: ".")
            let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
            var wrong = [
                "\(none).\(parts[1]).", "\(none).\(parts[1]).\(parts[2])", parts[0] + "." + parts[1] + ".", token + "=",
                token + "A", "a.b.c", String(repeating: "x", count: 5000), "\(parts[0]).\(parts[1])",
                token.uppercased(),
            ]
            for index in [0, 1, 2] {
                var changed = parts
                changed[index] = String(changed[index].reversed())
                wrong.append(changed.joined(separator: "."))
            }
            for _ in 0..<200 {
                wrong.append(Data((0..<60).map { _ in UInt8.random(in: 0...255) }).base64EncodedString())
            }
            for value in wrong {
                let answer = try await gateway.request("POST", "/demo/mcp", ["Authorization": "Bearer \(value)"])
                #expect(answer.status == 401 || answer.status == 400, "\(value.prefix(40)): \(answer.status)")
            }
            let spawned = ProcessTable.descendants(of: gateway.pid)
            #expect(spawned == [])
        }

        @Test("metadata is there in every position that clients probe, and agrees with the name they used")
        func metadata() async throws {
            let gateway = try await EndToEnd.gateway()
            for host in ["localhost", "127.0.0.1"] {
                let origin = "http://\(host):\(gateway.port)"
                let fields = ["Host": "\(host):\(gateway.port)"]
                for path in [
                    "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration",
                    "/.well-known/oauth-authorization-server/demo/mcp", "/demo/mcp/.well-known/openid-configuration",
                ] {
                    let answer = try await gateway.request("GET", path, fields)
                    #expect(answer.status == 200, "\(path): \(answer.status)")
                    #expect(answer.object["issuer"] as? String == origin, "\(path)")
                    #expect(answer.object["code_challenge_methods_supported"] as? [String] == ["S256"], "A04")
                }
                let resource = try await gateway.request(
                    "GET", "/.well-known/oauth-protected-resource/demo/mcp", fields)
                #expect(resource.object["resource"] as? String == origin + "/demo/mcp")
                #expect(resource.object["authorization_servers"] as? [String] == [origin])
            }
            let keys = try await gateway.request("GET", "/jwks")
            #expect(
                (keys.object["keys"] as? [[String: Any]])?.allSatisfy { $0["d"] == nil && $0["kid"] != nil } == true)
        }
    }
}
