import AsyncIO
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Servers that are kept from the gateway and from each other. What this machine cannot do is skipped, and said so.
    @Suite("Sandbox and limits")
    struct Sandboxes {
        static let canConfine = ChildProcess.Sandbox.obstacle == nil
        static let groups = ControlGroups.possible

        /// What the server `bad` says that each attempt gave.
        static func attempt(_ client: PlainMCP, _ words: [String], id: Int = 1) async throws -> [String: String] {
            let list = words.map { "\"\($0)\"" }.joined(separator: ",")
            let answer = try await ChildFaults.call(client, "attempt", id: id, "{\"attempts\":[\(list)]}", timeout: 60)
            let text = try #require(answer.text, "\(answer.messages)")
            return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String])
        }

        static let clients =
            FileManager.default.fileExists(atPath: Checkout.client("attempts.py"))
            ? Checkout.root + "/Tests/EndToEndTests/Clients" : ""

        @Test(
            "P09: a sandboxed server reaches nothing of the gateway, and works",
            .enabled(if: canConfine, "this machine cannot enforce a sandbox"))
        func gatewayIsOutOfReach() async throws {
            let notes = try TemporaryDirectory("notes")
            let (gateway, bad, good) = try await ChildFaults.start(
                settings: ", sandbox: {read: [\"\(Self.clients)\"], write: [\"\(notes.path)\"]}")
            let begin = try await Self.attempt(bad, ["place", "variable=HOME", "variable=TMPDIR"], id: 2)
            #expect(begin["place"] == [gateway.dataDirectory, "work", "bad"].joined(separator: "/"))
            #expect(begin["variable=HOME"] == begin["place"])
            let temporary = try #require(begin["variable=TMPDIR"])
            let files =
                FileManager.default.enumerator(atPath: gateway.dataDirectory)?.compactMap { $0 as? String } ?? []
            let own = files.filter { !$0.hasPrefix("work") }.map { "\(gateway.dataDirectory)/\($0)" }
            #expect(own.count >= 3, "\(own)")
            let launcher = try #require(ProcessTable.descendants(of: gateway.pid).first)
            var forbidden = ["connect=\(gateway.port)", "read=/etc/passwd", "write=/etc/new", "list=/tmp", "family=10"]
            forbidden += ["list=\(gateway.dataDirectory)", "read=\(gateway.directory.file("sallyport.yaml"))"]
            for file in own { forbidden += ["read=\(file)", "write=\(file)", "truncate=\(file)"] }
            for pid in [gateway.pid, launcher] {
                for name in ["environ", "cmdline", "status", "maps", "mem"] {
                    forbidden.append("read=/proc/\(pid)/\(name)")
                }
                for name in ["signal", "trace", "peek", "limit"] { forbidden.append("\(name)=\(pid)") }
                forbidden.append("list=/proc/\(pid)/fd")
            }
            let seen = try await Self.attempt(bad, forbidden, id: 3)
            for attempt in forbidden {
                #expect(
                    ["EACCES", "EPERM", "EISDIR"].contains(seen[attempt] ?? ""), "\(attempt): \(seen[attempt] ?? "")")
            }
            let allowed = [
                "write=\(notes.path)/new", "write=\(temporary)/new", "write=here", "spawn=1", "read=/dev/null",
            ]
            let works = try await Self.attempt(bad, allowed, id: 4)
            #expect(works.values.allSatisfy { $0 == "ok" } && works.count == allowed.count, "\(works)")
            try await ChildFaults.expectUnharmed(good, gateway)
            try await gateway.terminate()
            #expect(!FileManager.default.fileExists(atPath: temporary), "its temporary files go with it")
        }

        @Test("P09: without the sandbox the same attempts succeed, and only with it does the network fall away")
        func networkIsAChoice() async throws {
            let sandbox = Self.canConfine ? ", sandbox: {read: [\"\(Self.clients)\"], network: true}" : ""
            let (gateway, bad, _) = try await ChildFaults.start(settings: sandbox)
            let seen = try await Self.attempt(bad, ["connect=\(gateway.port)", "listen"], id: 2)
            #expect(seen == ["connect=\(gateway.port)": "ok", "listen": "ok"])
            let (other, open, _) = try await ChildFaults.start()
            let able = try await Self.attempt(
                open, ["read=\(other.directory.file("sallyport.yaml"))", "signal=\(other.pid)", "read=/etc/passwd"],
                id: 2)
            #expect(able.values.allSatisfy { $0 == "ok" }, "\(able)")
        }

        @Test("P09: where the kernel cannot confine, a server with a sandbox does not start, and others do")
        func refusesToStartOpen() async throws {
            let wrapper = ["/usr/bin/python3", Checkout.client("without_landlock.py")]
            let configuration = EndToEnd.hostile(settings: ", sandbox: {}")
            let gateway = try GatewayProcess(configuration: configuration)
            try await gateway.start(wrapper: wrapper)
            try await gateway.addUser(user, password: password)
            let token = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            let port = gateway.port
            let answer = try await onThread {
                var client = PlainMCP(port: port, path: "/bad/mcp", token: token)
                return try client.open()
            }
            #expect(answer.errorCode == -32603, "\(answer.status) \(answer.messages)")
            #expect(
                ProcessTable.matching(Checkout.client("hostile.py")).allSatisfy {
                    !ProcessTable.descendants(of: gateway.pid).contains($0)
                })
            try await gateway.logs("this kernel has no Landlock")
            try await gateway.logs("its sandbox cannot be enforced")
            let good = try await EndToEnd.logIn(gateway, to: "/demo/mcp").tokens.access
            try await ChildFaults.expectUnharmed(try await EndToEnd.session(gateway, token: good), gateway)
            let check = try RunningProgram(
                wrapper[0],
                [wrapper[1], Checkout.binary, "check", "--config", gateway.directory.file("sallyport.yaml")],
                environment: GatewayProcess.environment(home: gateway.directory.path), in: gateway.directory.path,
                logs: gateway.directory, name: "check")
            #expect(try await check.waitUntilExit(within: .seconds(20)) == .exited(0))
            #expect(check.errors.contains("servers.bad.sandbox: this server will not start here"), "\(check.errors)")
        }

        @Test(
            "P06: a fork bomb hurts its own server alone",
            .enabled(if: groups.contains(.pids), "no group counts processes"))
        func forkBomb() async throws {
            let (gateway, bad, good) = try await ChildFaults.start(settings: ", limits: {processes: 40, cpu: 0.5}")
            let many = try await Self.attempt(bad, ["fork=100"], id: 2)
            #expect(many == ["fork=100": "EAGAIN"])
            let before = try await Self.slowest(of: 300, good, from: 1000)
            async let bomb = Self.attempt(bad, ["bomb=4"], id: 3)
            try await Task.sleep(for: .milliseconds(300))
            let during = try await Self.slowest(of: 300, good, from: 2000)
            #expect(during <= max(before * 2, .milliseconds(20)), "\(before) before, \(during) during")
            #expect(try await bomb == ["bomb=4": "ok"])
            // Its own processes may still be dying.
            var id = 4
            try await eventuallyTrue("it lives, too", within: .seconds(20), every: .milliseconds(200)) {
                id += 1
                return try await Self.attempt(bad, ["fork=5"], id: id) == ["fork=5": "ok"]
            }
            try await ChildFaults.expectUnharmed(good, gateway)
        }

        /// The 99th percentile of so many calls, one after the other.
        static func slowest(of count: Int, _ client: PlainMCP, from id: Int) async throws -> Duration {
            var times: [Duration] = []
            for index in 0..<count {
                let begin = ContinuousClock.now
                let answer = try await ChildFaults.call(client, "echo", id: id + index, #"{"message":"x"}"#)
                #expect(answer.text?.contains("x") == true)
                times.append(ContinuousClock.now - begin)
            }
            return times.sorted()[count * 99 / 100]
        }

        @Test(
            "P06: a server that eats 8 GiB is killed alone, and the next one starts",
            .enabled(if: groups.contains(.memory), "no group bounds memory"))
        func memoryHog() async throws {
            let (gateway, bad, good) = try await ChildFaults.start(settings: ", limits: {memory: 128MiB}")
            async let answer = ChildFaults.call(bad, "attempt", id: 2, #"{"attempts":["eat=8192"]}"#, timeout: 60)
            try await ChildFaults.expectUnharmed(good, gateway)
            let died = try await answer
            #expect(died.errorCode != nil, "\(died.messages)")
            try await ChildFaults.expectUnharmed(good, gateway)
            try await ChildFaults.expectNextCallWorks(bad, within: .seconds(5))
        }

        @Test(
            "P07: what a killed gateway and its launcher left in a group, the next gateway kills",
            .enabled(if: !groups.isEmpty, "no control group can be made"))
        func sweptAtTheStart() async throws {
            let mark = "86504.\(getpid())"
            // Its environment is its own: only the group tells to whom it belongs.
            let script = "env -i setsid sleep \(mark) </dev/null >/dev/null 2>&1 & exec \(Checkout.binary) demo-server"
            let gateway = try await EndToEnd.gateway(
                "servers:\n  bad: {command: /bin/sh, args: [-c, \"\(script)\"], limits: {processes: 50}}\n")
            let token = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            _ = try await EndToEnd.session(gateway, "/bad/mcp", token: token)
            try await eventuallyTrue("the grandchild runs") { !ProcessTable.matching("sleep \(mark)").isEmpty }
            let launcher = try #require(ProcessTable.descendants(of: gateway.pid).first)
            kill(launcher, SIGSTOP)
            try await gateway.killHard()
            kill(launcher, SIGKILL)
            try await eventuallyTrue("the launcher is gone") { !ProcessTable.isAlive(launcher) }
            #expect(!ProcessTable.matching("sleep \(mark)").isEmpty, "nobody is there to kill it")
            try await gateway.start()
            try await eventuallyTrue("it is found at the start", within: .seconds(1)) {
                ProcessTable.matching("sleep \(mark)").isEmpty
            }
        }

        @Test(
            "P06, P09: a server runs as the account that was named",
            .enabled(if: geteuid() == 0, "only root can change accounts"))
        func otherAccount() async throws {
            let folder = try TemporaryDirectory("account")
            _ = unsafe chmod(folder.path, 0o755)
            for name in ["hostile.py", "attempts.py"] {
                try folder.write(name, String(contentsOfFile: Checkout.client(name), encoding: .utf8), mode: 0o644)
            }
            let gateway = try await EndToEnd.gateway(
                """
                servers:
                  bad:
                    command: /usr/bin/python3
                    args: ["\(folder.file("hostile.py"))"]
                    working_directory: /
                    user: nobody

                """)
            let token = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            let client = try await EndToEnd.session(gateway, "/bad/mcp", token: token)
            let configuration = gateway.directory.file("sallyport.yaml")
            let seen = try await Self.attempt(
                client, ["user", "read=\(configuration)", "signal=\(gateway.pid)", "variable=HOME", "variable=USER"])
            let nobody = try #require(SystemUser.named("nobody"))
            #expect(seen["user"]?.hasPrefix("\(nobody.number) \(nobody.group) ") == true, "\(seen)")
            #expect(seen["read=\(configuration)"] == "EACCES" && seen["signal=\(gateway.pid)"] == "EPERM", "\(seen)")
            #expect(seen["variable=HOME"] == nobody.home, "\(seen)")
        }
    }
}
