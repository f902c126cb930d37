import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Clients that are known by a document at their own address, over real https.
    @Suite("Client metadata documents")
    struct ClientDocuments {
        static let hostile = [
            "redirect", "moved", "permanent", "missing", "gone", "forbidden", "failing", "unavailable", "created",
            "no-content", "html", "plain", "untyped", "large", "endless", "slow", "silent", "cut", "compressed",
            "another-identity", "duplicate", "secret", "shared", "deep", "nameless", "scripted",
        ]

        @Test(
            "A16: every hostile publisher is refused on our own page within seconds, and none is remembered",
            .timeLimit(.minutes(3)))
        func hostilePublishers() async throws {
            #expect(Self.hostile.count >= 25)
            let site = try await PublishingSite()
            let gateway = try await EndToEnd.gateway(site.configuration)
            let (walk, port) = (EndToEnd.walk(gateway), gateway.port)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in Self.hostile {
                    let url = walk.authorizationURL(client: site.origin + "/hostile/" + name)
                    group.addTask {
                        for _ in 0..<2 {
                            let begun = ContinuousClock.now
                            let page = try await Self.get(url, port)
                            #expect(page.status == 400 || page.status == 503, "\(name): \(page.status)")
                            #expect(page.header("location") == nil, "\(name)")
                            #expect(page.text.contains("application"), "\(name)")
                            #expect(ContinuousClock.now - begun < .seconds(8), "\(name)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let count = try await site.count()
            for name in Self.hostile { #expect(count["/hostile/" + name] == 2, "\(name) was asked for each time") }
            #expect(count["/target/of/redirects"] == nil)
        }

        private static func get(_ target: String, _ port: Int) async throws -> PlainResponse {
            try await onThread { try PlainHTTP.exchange(port: port, "GET", target, timeout: 12) }
        }

        @Test("A15: with the built-in settings no document on this machine is asked for")
        func closedByDefault() async throws {
            let site = try await PublishingSite()
            let gateway = try await EndToEnd.gateway()
            let url = EndToEnd.walk(gateway).authorizationURL(client: site.origin + "/good/claude.json")
            let page = try await gateway.request("GET", url)
            #expect(page.status == 400 && page.header("location") == nil)
            #expect(try await site.count()["/good/claude.json"] == nil)
        }

        @Test("A16: a hundred browsers at once cause one fetch")
        func collapse() async throws {
            let site = try await PublishingSite()
            let gateway = try await EndToEnd.gateway(site.configuration)
            let url = EndToEnd.walk(gateway).authorizationURL(client: site.origin + "/good/many.json")
            let port = gateway.port
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<100 { group.addTask { try await Self.get(url, port).status } }
                for try await status in group { #expect(status == 303) }
            }
            #expect(try await site.count()["/good/many.json"] == 1)
        }

        @Test("a7: the Python SDK comes with a document instead of registering")
        func pythonSDK() async throws {
            let site = try await PublishingSite()
            let gateway = try await EndToEnd.gateway(site.configuration)
            let client = site.origin + "/good/python.json"
            let report = try await PythonClient.run(
                "sdk_current.py", in: "current",
                [
                    "url": gateway.origin + "/demo/mcp", "user": EndToEnd.user, "password": EndToEnd.password,
                    "plan": [["tool": "echo", "arguments": ["message": "by document"]]], "refresh": true,
                    "client_metadata_url": client,
                ])
            #expect(report["client"] as? String == client)
            let results = report["results"] as? [[String: Any]]
            #expect((results?.first?["text"] as? String)?.contains("by document") == true)
            #expect(report["rotated"] as? Bool == true)
            #expect(try await site.count() == ["/good/python.json": 1])
        }
    }
}
