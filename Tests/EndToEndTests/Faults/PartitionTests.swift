import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Two gateways over one Redis, and the network between.
    @Suite("Cut off from the store")
    struct Partitions {
        /// Two gateways, each with a way of its own to the store.
        struct Place {
            let gateways: [GatewayProcess]
            let ways: [FaultyProxy]
            let redis: RedisServer

            static func start() async throws -> Place {
                let redis = try RedisServer(configuration: ["appendonly yes", "appendfsync always"])
                try redis.start()
                let key = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
                    .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
                    .replacingOccurrences(of: "=", with: "")
                let ways = try (0..<2).map { _ in try FaultyProxy(to: redis.port) }
                var gateways: [GatewayProcess] = []
                for way in ways {
                    let name = gateways.first.map { "public_url: http://localhost:\($0.port)\n" } ?? ""
                    let storage = "storage: redis://127.0.0.1:\(way.port)\nsealing_key: \(key)\n"
                    let gateway = try GatewayProcess(configuration: EndToEnd.busy + storage + name)
                    try await gateway.start()
                    gateways.append(gateway)
                }
                let configuration = gateways[0].directory.file("sallyport.yaml")
                let added = try await gateways[0].command(
                    ["user", "add", EndToEnd.user, "--password-stdin", "--config", configuration],
                    input: EndToEnd.password + "\n")
                try #require(added.exit == .exited(0), "\(added.errors)")
                return Place(gateways: gateways, ways: ways, redis: redis)
            }

            func walk(_ index: Int) -> OAuthWalk {
                var walk = OAuthWalk(port: gateways[index].port, user: EndToEnd.user, password: EndToEnd.password)
                walk.namedPort = gateways[0].port
                return walk
            }

            /// Cuts a gateway off: nothing passes, and nothing says so.
            func cut(_ index: Int) { ways[index].behave(.stall) }

            func heal() async throws {
                for way in ways { way.behave(.pass) }
                for gateway in gateways {
                    try await eventuallyTrue("a gateway to work again", within: .seconds(3)) {
                        try await gateway.request("GET", "/ready").status == 200
                    }
                }
            }

            /// The status of a request with this token at a gateway; 400 lets it in, and misses a session.
            func status(_ token: String, _ index: Int) async throws -> Int {
                let fields = [
                    "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream", "Host": "localhost:\(gateways[0].port)",
                ]
                return try await gateways[index].request(
                    "POST", "/demo/mcp", fields, body: PlainMCP.request("ping", id: 1)
                ).status
            }
        }

        /// Redeems a code at both gateways at once; the statuses.
        private static func race(_ place: Place, _ code: String, _ client: String) async throws -> [Int] {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<20 {
                    let walk = place.walk(index % 2)
                    group.addTask {
                        try await onThread { try walk.redeem(code: code, client: client).status }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }

        @Test(
            "F26, A07, A11: gateways cut off from their store let nobody in whom they cannot check, and it heals whole")
        func partition() async throws {
            let place = try await Place.start()
            let walks = [place.walk(0), place.walk(1)]
            let (client, tokens) = try await onThread { try walks[0].logIn() }
            let (other, kept) = try await onThread { try walks[0].logIn() }
            let codes = try await onThread { try (0..<4).map { _ in try walks[0].authorize(client: client) } }
            #expect(try await place.status(tokens.access, 1) == 400, "both know it")

            // One is cut off, the other not: what ends there must not go on here.
            place.cut(1)
            let revoked = try await onThread { try walks[0].revoke(tokens.refresh, client: client) }
            #expect(revoked.status == 200)
            try await eventuallyTrue("the one that is cut off to refuse", within: .seconds(2)) {
                try await place.status(tokens.access, 1) != 400
            }
            #expect(try await place.status(tokens.access, 0) == 401)
            #expect(try await place.status(kept.access, 0) == 400)
            for _ in 0..<10 {
                #expect(try await place.status(tokens.access, 1) == 503)
                #expect(try await place.status(kept.access, 1) == 503)
                let answers = try await onThread {
                    [
                        try walks[1].redeem(code: codes[0], client: client),
                        try walks[1].refresh(kept.refresh, client: other),
                        try walks[1].refresh(tokens.refresh, client: client), try walks[1].registerAnswer(),
                    ]
                }
                for answer in answers { #expect(answer.status == 503 && answer.header("retry-after") != nil) }
            }
            #expect(try await onThread { try walks[0].redeem(code: codes[1], client: client) }.status == 200)
            let rotated = try OAuthWalk.pair(
                in: try await onThread { try walks[0].refresh(kept.refresh, client: other) })

            // Both are.
            place.cut(0)
            for index in 0..<2 {
                try await eventuallyTrue("a gateway to refuse", within: .seconds(3)) {
                    try await place.status(rotated.access, index) == 503
                }
                #expect(try await place.gateways[index].request("GET", "/live").status == 200)
                #expect(try await place.gateways[index].request("GET", "/ready").status == 503)
            }
            let late = try await Self.race(place, codes[2], client)
            #expect(late.allSatisfy { $0 == 503 }, "\(late)")

            try await place.heal()
            // What was refused did not happen; what happened did once.
            for (code, expected) in [(codes[0], 1), (codes[1], 0), (codes[2], 1), (codes[3], 1)] {
                let statuses = try await Self.race(place, code, client)
                #expect(statuses.count { $0 == 200 } == expected, "\(statuses)")
                #expect(statuses.allSatisfy { $0 == 200 || $0 == 400 }, "\(statuses)")
            }
            for index in 0..<2 {
                try await eventuallyTrue("what was revoked to be known", within: .seconds(2)) {
                    try await place.status(tokens.access, index) == 401
                }
                #expect(try await place.status(rotated.access, index) == 400)
                let dead = try await onThread { try walks[index].refresh(tokens.refresh, client: client) }
                #expect(dead.object["error"] as? String == "invalid_grant", "\(dead.text)")
            }
            let next = try await onThread { try walks[1].refresh(rotated.refresh, client: other) }
            #expect(next.status == 200, "\(next.text)")
        }
    }
}
