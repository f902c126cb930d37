import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// A gateway that runs and is told something else.
    @Suite("Change without restart")
    struct Reload {
        /// What a thread of callers did until it was told to stop.
        private final class Load: Sendable {
            private let isOver = Atomic<Bool>(false)
            let done = Ledger<Int>()
            let failures = Ledger<String>()
            let ends = Ledger<Bool>()

            func stop() { isOver.store(true, ordering: .relaxed) }

            /// Calls `body` again and again; what it returns is a complaint.
            func run(_ body: @escaping @Sendable (Int) throws -> String?) async throws {
                try await onThread {
                    var number = 0
                    while !self.isOver.load(ordering: .relaxed) {
                        number += 1
                        do {
                            if let complaint = try body(number) { self.failures.record(complaint) }
                            self.done.record(number)
                        } catch {
                            self.failures.record("\(number): \(error)")
                        }
                    }
                    self.ends.record(true)
                }
            }
        }

        private static func servers(_ lines: [String], _ more: String = "") -> String {
            "servers:\n" + lines.map { "  \($0)\n" }.joined() + "rate_limits: {registration: 10000/min}\n" + more
        }

        private static func demo(_ name: String, _ settings: String = "") -> String {
            "\(name): {command: \(Checkout.binary), args: [demo-server]\(settings)}"
        }

        /// Puts a file in the place of the configuration, as a whole.
        private func configure(_ gateway: GatewayProcess, _ text: String, signal: Bool = true) throws {
            let next = try gateway.directory.write("next.yaml", text)
            try #require(unsafe rename(next, gateway.directory.file("sallyport.yaml")) == 0)
            if signal { gateway.program?.signal(SIGHUP) }
        }

        private func status(_ gateway: GatewayProcess, _ path: String) async throws -> Int {
            try await gateway.request("HEAD", path).status
        }

        private func metric(_ gateway: GatewayProcess, _ name: String) async throws -> Int {
            try await gateway.metric(name) ?? 0
        }

        @Test("F21: the level of one module changes without a restart, and no other module's")
        func levels() async throws {
            let demo = Self.servers([Self.demo("demo")])
            let gateway = try await EndToEnd.gateway(demo + "logging: {level: {default: warning, http: info}}\n")
            func ask() async throws {
                #expect(
                    try await gateway.request("POST", "/demo/mcp", ["Authorization": "Bearer nonsense"]).status == 401)
            }
            try await ask()
            try configure(gateway, demo + "logging: {level: {default: warning, gateway: debug}}\n")
            try await eventuallyTrue("the lines of the gateway", within: .seconds(10)) {
                try await ask()
                return gateway.log.contains("a token was refused")
            }
            let modules = Set(
                gateway.log.split(separator: "\n").compactMap { line in
                    line.components(separatedBy: "\"module\":\"").dropFirst().first?.components(separatedBy: "\"").first
                })
            #expect(modules == ["gateway"], "\(modules) \(gateway.log)")
            try configure(gateway, demo + "logging: {level: {default: warning, gatway: debug}}\n")
            try await eventuallyTrue("the refusal", within: .seconds(10)) {
                gateway.log.contains("unknown key") && gateway.log.contains("did you mean")
            }
        }

        @Test(
            "O01: what is wrong or worth knowing about a configuration is one line of the log, and nothing in it is escaped"
        )
        func notes() async throws {
            func policy(_ server: String) -> String {
                Self.servers([Self.demo("demo")], "access: {permissions: {\"\(server):*\": [\"scope:x\"]}}\n")
            }
            let gateway = try await EndToEnd.gateway(policy("nobody"))
            func says(_ words: String...) -> Bool {
                gateway.log.split(separator: "\n").contains { line in words.allSatisfy { line.contains($0) } }
            }
            try await eventuallyTrue("the first note; \(gateway.log)", within: .seconds(10)) {
                says("nobody", "no server has such a name (hint: servers here: demo)")
            }
            try configure(gateway, policy("nowhere"))
            try await eventuallyTrue("the note", within: .seconds(10)) { says("nowhere", "(hint: servers here") }
            try configure(gateway, policy("nowhere") + "lsten: x\n")
            try await eventuallyTrue("the refusal", within: .seconds(10)) { says("unknown key", "(hint: did you mean") }
            #expect(!gateway.log.contains("u{a}"), "\(gateway.log)")
        }

        @Test(
            "F21: a hundred changes under load, a quarter of them refused first: no request fails, no stream ends",
            .timeLimit(.minutes(4)))
        func load() async throws {
            let steady = Self.demo("demo")
            let gateway = try await EndToEnd.gateway(Self.servers([steady]))
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let session = try await EndToEnd.session(gateway, token: token)
            let stream = try await onThread { try StreamBox(session.stream()) }
            try #require(stream.status == 200)
            let (calls, sessions, documents) = (Load(), Load(), Load())
            let port = gateway.port
            let ended = Ledger<Bool>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { ended.record(try await onThread { try stream.drain() }) }
                group.addTask {
                    try await calls.run { number in
                        let answer = try session.call("add", id: number + 10, #"{"a":\#(number),"b":1}"#)
                        return answer.text == "\(number + 1)" ? nil : "\(answer.status): \(answer.messages)"
                    }
                }
                group.addTask {
                    try await sessions.run { number in
                        let mine = try PlainMCP.opened(
                            port: port, path: "/demo/mcp", token: token, version: "2025-06-18", capabilities: "{}")
                        let end = try PlainHTTP.exchange(port: port, "DELETE", "/demo/mcp", mine.headers)
                        return end.status == 204 ? nil : "DELETE \(end.status)"
                    }
                }
                group.addTask {
                    try await documents.run { number in
                        let path = number.isMultiple(of: 2) ? "/.well-known/oauth-authorization-server" : "/ready"
                        let answer = try PlainHTTP.exchange(
                            port: port, "GET", path, ["Host": "localhost:\(port)"])
                        return answer.status == 200 ? nil : "\(path) \(answer.status)"
                    }
                }
                var refused = 0
                for round in 0..<100 {
                    if round.isMultiple(of: 4) {
                        refused = try await metric(gateway, "sallyport_configuration_reloads_total{result=\"refused\"}")
                        try configure(gateway, Self.servers([steady, "broken: {comand: x}"]))
                        try await eventuallyTrue("the broken one to be refused", within: .seconds(10)) {
                            try await metric(gateway, "sallyport_configuration_reloads_total{result=\"refused\"}")
                                > refused
                        }
                        #expect(try await status(gateway, "/broken/mcp") == 404)
                        #expect(try await metric(gateway, "sallyport_configuration_current") == 0)
                    }
                    try configure(gateway, Self.servers([Self.demo("r\(round)"), steady]))
                    try await eventuallyTrue("r\(round) to be there", within: .seconds(10)) {
                        try await status(gateway, "/r\(round)/mcp") == 401
                    }
                    if round > 0 { #expect(try await status(gateway, "/r\(round - 1)/mcp") == 404) }
                }
                for load in [calls, sessions, documents] { load.stop() }
                // The session is about to end, and no call may be on its way then.
                try await eventuallyTrue("the callers to stop", within: .seconds(30)) { calls.ends.count == 1 }
                #expect(ended.count == 0, "the stream of before is still the same")
                #expect(try await gateway.request("DELETE", "/demo/mcp", session.headers).status == 204)
                try await group.waitForAll()
                #expect(ended.all == [true])
            }
            for load in [calls, sessions, documents] {
                #expect(load.failures.all.isEmpty, "\(load.failures.all.prefix(5)) of \(load.done.count)")
            }
            #expect(calls.done.count > 100 && sessions.done.count > 50 && documents.done.count > 100)
            #expect(try await metric(gateway, "sallyport_configuration_current") == 1)
            let times = try await eventually("a line for each change", within: .seconds(10)) {
                let times = gateway.log.components(separatedBy: "\"milliseconds\":").dropFirst().compactMap {
                    Int($0.prefix { $0.isNumber })
                }
                return times.count >= 100 ? times : nil
            }
            #expect(times.sorted()[times.count / 2] <= 500, "\(times.sorted().suffix(5))")
        }

        @Test("F21: servers come, go and change, and only the sessions of those that went or changed end")
        func servers() async throws {
            let gateway = try await EndToEnd.gateway(
                Self.servers([Self.demo("one"), Self.demo("two"), Self.demo("three")]))
            func session(_ name: String) async throws -> PlainMCP {
                let token = try await EndToEnd.logIn(gateway, to: "/\(name)/mcp").tokens.access
                return try await EndToEnd.session(gateway, "/\(name)/mcp", token: token)
            }
            let (one, two, three) = (try await session("one"), try await session("two"), try await session("three"))
            for (name, client) in [("one", one), ("two", two), ("three", three)] {
                #expect(try await onThread { try client.call("echo", #"{"message":"\#(name)"}"#) }.text == name)
            }
            let children = ProcessTable.descendants(of: gateway.pid).count
            // One stays, two is configured otherwise while a call of it runs, three goes, four comes; without any signal.
            let call = PlainMCP.call("progress", id: 3, #"{"steps":3,"seconds":3}"#, token: "1")
            let slow = try await onThread { try StreamBox(two.stream("POST", body: call)) }
            _ = try #require(try await onThread { try slow.next() }, "it is on its way")
            try configure(
                gateway,
                Self.servers([Self.demo("four"), Self.demo("two", ", tools: {deny: [add]}"), Self.demo("one")]),
                signal: false)
            try await eventuallyTrue("four to be there", within: .seconds(10)) {
                try await status(gateway, "/four/mcp") == 401
            }
            #expect(try await onThread { try one.call("echo", id: 4, #"{"message":"same"}"#) }.text == "same")
            let end = try await onThread {
                var last: PlainEvent?
                while let event = try slow.next() { last = event }
                return last?.data ?? ""
            }
            #expect(end.contains("done after 3 steps"), "a call in flight gets its answer: \(end)")
            try await eventuallyTrue("the session of two to end", within: .seconds(15)) {
                try await onThread { try two.call("echo", id: 5, #"{"message":"x"}"#) }.status == 404
            }
            #expect(try await status(gateway, "/three/mcp") == 404)
            try await eventuallyTrue("the processes of two and three to end", within: .seconds(15)) {
                ProcessTable.descendants(of: gateway.pid).count <= children - 2
            }
            let (four, again) = (try await session("four"), try await session("two"))
            #expect(try await onThread { try four.call("echo", #"{"message":"four"}"#) }.text == "four")
            #expect(try await onThread { try again.call("add", #"{"a":1,"b":2}"#) }.errorMessage == "Unknown tool")
            // All of them as one are those of now.
            let token = try await EndToEnd.logIn(gateway, to: "/mcp").tokens.access
            let all = try await EndToEnd.session(gateway, "/mcp", token: token)
            let list = try await onThread { try all.post(PlainMCP.request("tools/list", id: 2)) }.messages.joined()
            #expect(list.contains("four__echo") && list.contains("two__echo") && !list.contains("two__add"))
            #expect(!list.contains("three__"))
            for change in ["added\":\"four", "changed\":\"two", "removed\":\"three"] { try await gateway.logs(change) }
        }

        @Test("F21: what cannot be taken over is refused whole, with every reason; what can counts at once")
        func refusals() async throws {
            let gateway = try await EndToEnd.gateway(Self.servers([Self.demo("demo")]))
            let walk = EndToEnd.walk(gateway)
            // Two mistakes and a server that is right.
            try configure(
                gateway, Self.servers([Self.demo("demo"), Self.demo("fine"), "bad: {comand: x}"], "listn: 1\n"))
            try await eventuallyTrue("both mistakes to be told", within: .seconds(10)) {
                gateway.log.contains("comand") && gateway.log.contains("listn")
            }
            #expect(try await status(gateway, "/fine/mcp") == 404)
            // A key that needs a restart.
            try configure(
                gateway, Self.servers([Self.demo("demo"), Self.demo("fine")], "audit: {retention: 7d}\n"))
            try await eventuallyTrue("the key to be named", within: .seconds(10)) {
                gateway.log.contains("audit: a change needs a restart")
            }
            #expect(try await status(gateway, "/fine/mcp") == 404)
            #expect(try await status(gateway, "/demo/mcp") == 401)
            // A file that is not there any more.
            try FileManager.default.removeItem(atPath: gateway.directory.file("sallyport.yaml"))
            gateway.program?.signal(SIGHUP)
            try await eventuallyTrue("the loss to be told", within: .seconds(10)) {
                gateway.log.contains("cannot be read")
            }
            #expect(try await status(gateway, "/demo/mcp") == 401)
            // The authorization server follows.
            try configure(
                gateway,
                Self.servers([Self.demo("demo")], "oauth: {access_token_lifetime: 7m}\nlogging: {level: debug}\n"))
            try await eventuallyTrue("the lifetime to count", within: .seconds(10)) {
                try await metric(gateway, "sallyport_configuration_current") == 1
            }
            let client = try await onThread { try walk.register() }
            let code = try await onThread { try walk.authorize(client: client) }
            let answer = try await onThread { try walk.redeem(code: code, client: client) }
            #expect(answer.object["expires_in"] as? Int == 420, "\(answer.text)")
            // Where nearly everything is logged, requests are.
            try await gateway.logs("\"module\":\"access\"")
            #expect(try await gateway.terminate() == .exited(0))
        }
    }
}
