import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Killing a process proves nothing about a power cut: the kernel still has what was written. The order does.
    @Suite("Durability")
    struct Durability {
        @Test("F02: the write-ahead log is on disk before the first byte of every 2xx", .timeLimit(.minutes(2)))
        func diskBeforeAnswer() async throws {
            let gateway = try GatewayProcess()
            try await gateway.start()
            try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
            try await gateway.terminate()
            let trace = gateway.directory.file("trace")
            try await gateway.start(
                within: .seconds(30),
                wrapper: [
                    "/usr/bin/strace", "-f", "-s", "80", "-o", trace, "-e",
                    "trace=read,recvfrom,recvmsg,readv,fsync,fdatasync,write,writev,sendto,sendmsg",
                ])
            let walk = EndToEnd.walk(gateway)
            let answers = try await onThread {
                var count = 0
                for _ in 0..<5 {
                    let (client, tokens) = try walk.logIn()  // register, token
                    let refreshed = try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client))
                    guard try walk.revoke(refreshed.refresh, client: client).status == 200 else { return count }
                    count += 4
                }
                return count
            }
            #expect(answers == 20)
            try await gateway.terminate()
            let order = CommitOrder(
                trace: String(decoding: try Data(contentsOf: URL(fileURLWithPath: trace)), as: UTF8.self))
            #expect(order.acknowledged >= answers, "the trace shows \(order.acknowledged) of \(answers) answers")
            #expect(order.unsynced == [], "answers that left before the disk had them")
        }

        @Test("F02: the order check sees an answer that leaves too early")
        func orderCheckCanFail() {
            let good = """
                7 read(9, "POST /token HTTP/1.1\\r\\n", 65536) = 99
                8 fdatasync(5) = 0
                7 write(9, "HTTP/1.1 200 OK\\r\\n", 300) = 300
                """
            let bad = """
                7 read(9, "POST /token HTTP/1.1\\r\\n", 65536) = 99
                8 fdatasync(5 <unfinished ...>
                7 write(9, "HTTP/1.1 200 OK\\r\\n", 300) = 300
                8 <... fdatasync resumed>) = 0
                """
            #expect(CommitOrder(trace: good).unsynced == [] && CommitOrder(trace: good).acknowledged == 1)
            #expect(CommitOrder(trace: bad).unsynced.count == 1)
        }
    }
}

/// Reads an strace of one request after another: between a request that changes state and the first byte of its 2xx
/// there must be a finished fsync or fdatasync.
struct CommitOrder {
    private(set) var acknowledged = 0
    private(set) var unsynced: [String] = []

    init(trace: String) {
        var request: String?
        var synced = false
        for line in trace.split(separator: "\n") {
            if let match = line.firstMatch(of: /(?:read|recv).*"(POST \/(?:register|token|revoke))/) {
                request = String(match.1)
                synced = false
            } else if line.contains(/fsync|fdatasync/), line.hasSuffix("= 0") {
                synced = true
            } else if let open = request, line.contains(#/(?:write|send).*"HTTP/1\.1 /#) {
                request = nil
                guard line.contains("HTTP/1.1 20") else { continue }
                acknowledged += 1
                if !synced { unsynced.append(open) }
            }
        }
    }
}
