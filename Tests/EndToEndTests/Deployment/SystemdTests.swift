import AsyncIO
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The package as a service of systemd: a Debian whose first process it is.
    @Suite("systemd", .enabled(if: DebianRoot.canBoot, "no control group can be written to"), .timeLimit(.minutes(9)))
    struct SystemdTests {
        private static let configuration = "/etc/sallyport/sallyport.yaml"

        /// A Debian that runs the package, and where the service listens.
        private struct Machine {
            let root: DebianRoot
            let debian: BootedDebian
            let port: Int

            func status(_ path: String) async -> Int? {
                try? await onThread { [port] in try PlainHTTP.exchange(port: port, "GET", path).status }
            }

            func write(_ path: String, _ text: String) async throws {
                try await debian.need(["sh", "-c", "cat > \(path)"], input: text)
            }

            func configure(_ servers: String) async throws {
                try await write(
                    SystemdTests.configuration,
                    "listen: 127.0.0.1:\(port)\ndata_dir: /var/lib/sallyport\nservers:\n\(servers)")
            }

            /// What the service wrote, as journald keeps it: by its output, or by syslog.
            func journal() async throws -> [String] {
                let text = try await debian.need(["journalctl", "--quiet", "--output=cat", "_COMM=sallyport"])
                return text.split(separator: "\n").map(String.init)
            }

            func tokens(_ resource: String = "/demo/mcp") async throws -> TokenPair {
                let walk = OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password, resource: resource)
                return try await onThread { try walk.logIn().tokens }
            }

            func call(_ token: String, _ path: String = "/demo/mcp") async throws -> String? {
                try await onThread { [port] in
                    try PlainMCP.opened(port: port, path: path, token: token, version: "2025-06-18", capabilities: "{}")
                        .call("echo", id: 7, #"{"message": "from the service"}"#).text
                }
            }
        }

        private static let demo = "  demo: {command: sallyport, args: [demo-server]}\n"

        private static func machine(_ drop: String = "") async throws -> Machine {
            let root = try await DebianRoot(with: ["systemd-sysv", "dbus", "procps"])
            let port = try FreePort.find()
            try await root.install(DebianArtifacts.shared.package())
            try await root.need(["sed", "-i", "s/:8080$/:\(port)/", configuration])
            if !drop.isEmpty {
                let place = "/etc/systemd/system/sallyport.service.d"
                try await root.need(["mkdir", "-p", place])
                try await root.need(["sh", "-c", "cat > \(place)/drop.conf"], input: "[Service]\n\(drop)")
            }
            let machine = Machine(root: root, debian: try await root.boot(), port: port)
            try await eventuallyTrue("the service to be up", within: .seconds(60), every: .milliseconds(100)) {
                await machine.status("/ready") == 200
            }
            let owner = try await machine.debian.need(["stat", "-c", "%U", "/var/lib/sallyport"])
            try await machine.debian.need(
                [
                    "runuser", "-u", owner.trimmingCharacters(in: .newlines), "--", "sallyport", "user", "add",
                    EndToEnd.user, "--password-stdin",
                ]
                    + ["--config", configuration], input: EndToEnd.password + "\n")
            return machine
        }

        @Test(
            "F20, F21: systemd starts it, reloads it, starts it again after a crash, lets calls end, and keeps it down")
        func life() async throws {
            let machine = try await Self.machine()
            let (debian, port) = (machine.debian, machine.port)

            // 1. Up by itself after the boot, as its user and with nothing to spare.
            #expect(try await debian.property("ActiveState") == "active")
            #expect(try await debian.property("StatusText") == "serving http://localhost:\(port)")
            let pid = try await debian.property("MainPID")
            let status = try await debian.need(["cat", "/proc/\(pid)/status"])
            #expect(
                status.contains("\nNoNewPrivs:\t1\n") && status.contains("\nCapBnd:\t0000000000000000\n"), "\(status)")
            #expect(try await debian.need(["stat", "-c", "%U", "/proc/\(pid)"]) == "sallyport\n")
            let mounts = try await debian.need(["cat", "/proc/\(pid)/mountinfo"]).split(separator: "\n")
                .map { $0.split(separator: " ") }
            #expect(mounts.contains { $0[4] == "/" && $0[5].hasPrefix("ro") }, "nobody writes to the system: \(mounts)")
            #expect(try await machine.journal().contains { $0.contains("/setup?link=sp_setup_") })

            // 2. A login and a call; the server is a process of the service.
            let tokens = try await machine.tokens()
            #expect(try await machine.call(tokens.access) == "from the service")

            // 3. Another configuration, by reload: the same process.
            let sandbox = ChildProcess.Sandbox.obstacle == nil ? ", sandbox: {}" : ""
            try await machine.configure(Self.demo + "  second: {command: sallyport, args: [demo-server]\(sandbox)}\n")
            try await debian.need(["systemctl", "reload", "sallyport"])
            try await eventuallyTrue("the second server") { await machine.status("/second/mcp") == 401 }
            #expect(try await debian.property("MainPID") == pid)
            let second = try await machine.tokens("/second/mcp")
            #expect(try await machine.call(second.access, "/second/mcp") == "from the service")

            // 4. A crash: it is started again, and knows who was logged in.
            try await debian.need(["kill", "-KILL", pid])
            try await eventuallyTrue("the next process", within: .seconds(30), every: .milliseconds(50)) {
                guard await machine.status("/ready") == 200 else { return false }
                return try await debian.property("NRestarts") == "1"
            }
            #expect(try await machine.call(tokens.access, "/demo/mcp") == "from the service")

            // 5. A stop while a call is in flight: the call gets its answer, nothing is left of the service.
            async let slow = onThread {
                try PlainMCP.opened(
                    port: port, path: "/demo/mcp", token: tokens.access, version: "2025-06-18", capabilities: "{}"
                ).call("sleep", id: 8, #"{"seconds": 2}"#)
            }
            let group = try await debian.property("ControlGroup")
            try await eventuallyTrue("the server to sleep") {
                let processes = try await debian.need(["cat", "/sys/fs/cgroup\(group)/cgroup.procs"])
                return processes.split(separator: "\n").count >= 4
            }
            try await debian.need(["systemctl", "stop", "sallyport"])
            let answer = try await slow
            #expect(answer.text != nil || answer.errorCode != nil, "\(answer.messages)")
            #expect(try await debian.property("Result") == "success")
            #expect(try await debian.property("ActiveState") == "inactive")
            #expect(try await debian.run(["pgrep", "-u", "sallyport"]).output.isEmpty)

            // 6. A configuration that is wrong does not mend itself: no start after start.
            try await machine.configure("  demo: {comand: sallyport}\n")
            #expect(try await !debian.run(["systemctl", "start", "sallyport"]).hasSucceeded)
            try await eventuallyTrue("systemd to give up") { try await debian.property("ActiveState") == "failed" }
            #expect(try await debian.property("ExecMainStatus") == "78")
            try await machine.configure(Self.demo)
            try await debian.need(["systemctl", "start", "sallyport"])
            #expect(try await machine.call(tokens.access) == "from the service")

            // 7. All that it wrote is its log, or the plain words of an error: no library beside it said anything.
            let foreign = try await machine.journal().filter {
                !$0.hasPrefix("{") && !$0.contains("sallyport") && !$0.hasPrefix("    hint: ")
            }
            #expect(foreign.isEmpty, "\(foreign)")
        }

        @Test("socket activation: while systemd keeps the socket, a restart refuses nobody")
        func socket() async throws {
            let machine = try await Self.machine()
            let (debian, port) = (machine.debian, machine.port)
            // As docs/operations.md has it.
            try await machine.write(
                "/etc/systemd/system/sallyport.socket",
                "[Socket]\nListenStream=127.0.0.1:\(port)\nNoDelay=yes\n[Install]\nWantedBy=sockets.target\n")
            try await debian.need(["systemctl", "daemon-reload"])
            try await debian.need(["systemctl", "stop", "sallyport.service"])
            try await debian.need(["systemctl", "enable", "--now", "sallyport.socket"])
            #expect(try await debian.property("ActiveState") == "inactive")
            #expect(await machine.status("/demo/mcp") == 401, "the first connection starts it, and is served")
            try await eventuallyTrue("the start to end") { try await debian.property("ActiveState") == "active" }
            // Requests without a pause while it is restarted, twice.
            let asked = Ledger<Bool>()
            let asking = Task {
                while !Task.isCancelled { asked.record(await machine.status("/live") == 200) }
            }
            for _ in 0..<2 {
                let before = asked.count
                try await debian.need(["systemctl", "restart", "sallyport.service"])
                try await eventuallyTrue("answers after the restart") { asked.count > before + 10 }
            }
            asking.cancel()
            await asking.value
            #expect(asked.all.allSatisfy { $0 }, "\(asked.all.count { !$0 }) of \(asked.count) were refused")
        }

        @Test("the drop-in for servers as other accounts gives what they need")
        func accounts() async throws {
            let text = try String(contentsOfFile: Checkout.root + "/docs/operations.md", encoding: .utf8)
            let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("| servers as other accounts") })
            let lines = row.split(separator: "`").filter { $0.contains("=") }
            try #require(lines.count >= 3, "\(row)")
            let machine = try await Self.machine(lines.joined(separator: "\n") + "\n")
            try await machine.configure(
                "  demo: {command: sallyport, args: [demo-server], user: games}\n")
            try await machine.debian.need(["systemctl", "reload", "sallyport"])
            let tokens = try await machine.tokens()
            #expect(try await machine.call(tokens.access) == "from the service")
            let owners = try await machine.debian.need(["ps", "-o", "user=", "-C", "sallyport"])
            #expect(owners.split(separator: "\n").contains("games"), "\(owners)")
        }
    }
}
