import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A disk that is full, or fails.
    @Suite("Disk faults")
    struct DiskFaults {
        /// A disk on which a test may do as it likes.
        enum Fault: String, CaseIterable {
            case full
            case failing
            case readOnly
        }

        /// A running gateway whose data directory can be made to fail.
        struct Place {
            let gateway: GatewayProcess
            let fault: Fault
            /// Where libfiu listens for commands.
            private var control: String { gateway.directory.file("fiu") }
            /// The data directory as the gateway sees it: its mount is nobody else's.
            private var folder: String { "/proc/\(gateway.pid)/root\(gateway.dataDirectory)" }

            /// The account is made on a good disk; then the gateway starts on one that is about to fail.
            static func start(_ fault: Fault) async throws -> Place {
                let gateway = try await EndToEnd.gateway(EndToEnd.busy)
                try await gateway.terminate()
                let place = Place(gateway: gateway, fault: fault)
                try await gateway.start(wrapper: fault == .full ? place.smallDisk : place.failingCalls)
                return place
            }

            /// A file system of 3 MiB in a mount namespace; without root in a user namespace too.
            private var smallDisk: [String] {
                let script = """
                    cp -a "$0" "$0.kept" && mount -t tmpfs -o size=3m,mode=700 none "$0" && cp -a "$0.kept/." "$0" &&
                    exec "$@"
                    """
                let words = [getuid() == 0 ? "-m" : "-rm", "/bin/sh", "-c", script, gateway.dataDirectory]
                return ["/usr/bin/unshare"] + words
            }

            private var failingCalls: [String] { ["/usr/bin/fiu-run", "-x", "-f", control] }

            /// What writes to files, and nothing that sockets use.
            private static let calls = ["posix/io/rw/pwrite", "posix/io/sync/fsync", "posix/io/sync/fdatasync"]

            /// The disk goes wrong.
            func fail() throws {
                switch fault {
                case .full: try fill()
                case .failing: try order { "enable name=\($0),failinfo=\(EIO)" }
                case .readOnly: try order { "enable name=\($0),failinfo=\(EROFS)" }
                }
            }

            /// The disk is well again.
            func mend() throws {
                if fault == .full {
                    try FileManager.default.removeItem(atPath: folder + "/filler")
                } else {
                    try order { "disable name=\($0)" }
                }
            }

            private func order(_ command: (String) -> String) throws {
                for call in Self.calls {
                    let run = try RunningProgram.run(
                        "/usr/bin/fiu-ctrl", ["-f", control, "-c", command(call), "\(gateway.pid)"])
                    try #require(run.exit == .exited(0), "\(run.text)")
                }
            }

            private func fill() throws {
                let file = unsafe open(folder + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
                try #require(file >= 0)
                defer { close(file) }
                for size in [65_536, 1] {
                    let block = [UInt8](repeating: 1, count: size)
                    while unsafe write(file, block, size) > 0 {}
                }
            }

            /// What another program says that enters the gateway's mounts.
            func inside(_ words: [String]) throws -> (exit: ProgramExit, text: String) {
                let enter = getuid() == 0 ? ["-m"] : ["-U", "-m", "--preserve-credentials"]
                return try RunningProgram.run("/usr/bin/nsenter", ["-t", "\(gateway.pid)"] + enter + words)
            }
        }

        @Test(
            "F12: on a disk that is full or fails nothing is half written, what is known is served, and it recovers by itself",
            arguments: Fault.allCases)
        func disk(_ fault: Fault) async throws {
            let start = ContinuousClock.now
            let place = try await Place.start(fault)
            let gateway = place.gateway
            let walk = EndToEnd.walk(gateway)
            var (client, tokens) = try await EndToEnd.logIn(gateway)
            let session = try await EndToEnd.session(gateway, token: tokens.access)
            var (clients, calls) = (1, 0)
            for round in 0..<3 {
                let code = try await onThread { [client] in try walk.authorize(client: client) }
                try place.fail()
                // Small writes may still find room in the log that is there.
                try await eventuallyTrue("a registration to be refused") {
                    let answer = try await onThread { try walk.registerAnswer() }
                    if answer.status == 201 { clients += 1 }
                    return answer.status == 503
                }
                for _ in 0..<10 {
                    let answers = try await onThread { [client, tokens] in
                        [
                            try walk.registerAnswer(), try walk.redeem(code: code, client: client),
                            try walk.refresh(tokens.refresh, client: client),
                        ]
                    }
                    for answer in answers {
                        #expect(answer.status == 503 && answer.header("retry-after") != nil, "\(answer.text)")
                    }
                    let call = try await onThread { try session.call("echo", #"{"message":"hello"}"#) }
                    #expect(call.text == "hello", "a known token is good, and the tool answers: \(call.messages)")
                    calls += 1
                }
                try await eventuallyTrue("the audit trail to fail, which is the last to find room") {
                    let call = try await onThread { try session.call("echo", #"{"message":"hello"}"#) }
                    calls += call.text == "hello" ? 1 : 0
                    return try await isAuditFailing(gateway) == true
                }
                try place.mend()
                try await eventuallyTrue("a registration to work again", within: .seconds(2)) {
                    let works = try await onThread { try walk.registerAnswer().status == 201 }
                    if works { clients += 1 }
                    return works
                }
                try await eventuallyTrue("the audit trail to be written again", within: .seconds(2)) {
                    try await isAuditFailing(gateway) == false
                }
                // What was refused did not happen: code and refresh token are as good as before.
                let redeemed = try await onThread { [client] in try walk.redeem(code: code, client: client) }
                #expect(redeemed.status == 200, "\(round): \(redeemed.text)")
                let refreshed = try await onThread { [client, tokens] in
                    try walk.refresh(tokens.refresh, client: client)
                }
                tokens = try OAuthWalk.pair(in: refreshed)
                #expect(ProcessTable.isAlive(gateway.pid))
            }
            try expectWhole(place, clients: clients)
            try await eventuallyTrue("the trail to have every call") {
                try trail(place)["tool_called"] ?? 0 >= calls
            }
            let events = try trail(place)
            #expect(events["tool_called"] == calls && events["client_registered"] == clients, "\(events)")
            #expect(events["events_lost"] == nil)
            let said = gateway.log.components(separatedBy: "audit trail cannot be written").count - 1
            #expect(said >= 1 && said <= 1 + Int((ContinuousClock.now - start) / .seconds(60)), "\(gateway.log)")
            try await gateway.logs("audit trail is written again")
            #expect(try await gateway.terminate() == .exited(0))
        }

        /// Whether the gateway says so; nil as long as it does not say the same everywhere. It serves all the same.
        private func isAuditFailing(_ gateway: GatewayProcess) async throws -> Bool? {
            let metric = try await gateway.metric("sallyport_audit_failing")
            var said: Set<Bool> = [metric == 1]
            for path in ["/ready", "/health"] {
                let answer = try await gateway.request("GET", path)
                #expect(answer.status == 200, "\(path): \(answer.text)")
                said.insert(answer.text.contains("audit: the trail cannot be written"))
            }
            return said.count == 1 ? said.first : nil
        }

        /// How many events of each kind the trail has; every line of it is whole.
        private func trail(_ place: Place) throws -> [String: Int] {
            let folder = place.gateway.dataDirectory + "/audit"
            let text = try place.inside(["/bin/sh", "-c", "cat \"$0\"/*.jsonl", folder]).text
            return try text.split(separator: "\n").reduce(into: [:]) { counts, line in
                let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                counts[try #require(event?["action"] as? String), default: 0] += 1
            }
        }

        /// The store holds what was acknowledged and nothing else, and the chain of the audit trail is whole.
        private func expectWhole(_ place: Place, clients: Int) throws {
            let look = """
                import sqlite3, sys
                store = sqlite3.connect(sys.argv[1])
                print(store.execute("PRAGMA integrity_check").fetchone()[0],
                      store.execute("SELECT count(*) FROM client").fetchone()[0])
                """
            let store = place.gateway.dataDirectory + "/sallyport.db"
            let seen = try place.inside(["/usr/bin/python3", "-c", look, store])
            #expect(seen.text.trimmingCharacters(in: .whitespacesAndNewlines) == "ok \(clients)", "\(seen)")
            let trail = try place.inside([
                Checkout.binary, "audit", "verify", "--data-dir", place.gateway.dataDirectory,
            ])
            #expect(trail.exit == .exited(0), "\(trail.text)")
        }
    }
}
