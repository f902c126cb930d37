import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The built program on a network where every address of the world is a canary.
    @Suite("Canary network")
    struct CanaryNetwork {
        /// Hosts that are nobody's to fetch from, in the ways in which they can be written (RFC 6890, RFC 8215, RFC 3056).
        static let special = [
            "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
            "172.31.255.254", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
            "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0x7f000001", "0x7f.0.0.1", "2130706433",
            "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "0xa9fea9fe", "2852039166", "169.254.43518",
            "127.0.0.1.", "１２７.0.0.1", "127。0。0。1", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001::1]", "[2001:db8::1]", "[fc00::1]",
            "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[100::1]", "[::ffff:0:127.0.0.1]",
            "[fe80::5efe:127.0.0.1]", "localhost", "localhost.", "LOCALHOST", "a.localhost", "ip6-localhost",
        ]

        /// Addresses that are wrong in another part, or name no web site that anybody may fetch from.
        static let odd = [
            "http://93.184.216.34/c.json", "https://93.184.216.34@127.0.0.1/c.json", "https://u:p@93.184.216.34/c.json",
            "https://93.184.216.34/c.json#f", "https://93.184.216.34", "https://93.184.216.34/",
            "ftp://93.184.216.34/c",
            "https://93.184.216.34/a/../c.json", "https:/93.184.216.34/c.json", "https:93.184.216.34/c.json",
            "https://93.184.216.34\\@127.0.0.1/c.json", "data:application/json,{}", "file:///etc/passwd",
            "gopher://93.184.216.34:6379/_INFO",
        ]

        /// A key set may stand anywhere on a site; the identifier of a client has a plain path.
        static let oddForKeys = odd.filter {
            !["", "/", "/a/../c.json"].contains($0.replacing("https://93.184.216.34", with: ""))
        }

        private struct Finding {
            let address: String
            let status: Int
            let isRedirected: Bool
            let seen: [String]

            init(_ object: [String: Any]) {
                address = object["address"] as? String ?? ""
                status = object["status"] as? Int ?? 0
                isRedirected = object["location"] is String
                seen = object["seen"] as? [String] ?? []
            }
        }

        /// Runs the script in a network namespace of its own; without root in a user namespace too.
        private static func run(documents: [String], keys: [String]) async throws -> (
            documents: [Finding], keys: [Finding]
        ) {
            let place = try TemporaryDirectory("canaries")
            let job: [String: Any] = ["binary": Checkout.binary, "documents": documents, "keys": keys]
            let argument = String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
            let program = try RunningProgram(
                "/usr/bin/unshare",
                [getuid() == 0 ? "-n" : "-rn", "/usr/bin/python3", Checkout.client("canaries.py"), argument],
                environment: GatewayProcess.environment(home: place.path).merging([
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"
                ]) {
                    $1
                },
                in: place.path, logs: place, name: "canaries")
            defer { program.killTree() }
            let exit = try await program.waitUntilExit(within: .seconds(120))
            let line = try #require(program.output.split(separator: "\n").last, "\(exit) \(program.errors)")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: [[String: Any]]])
            return (report["documents"]?.map { Finding($0) } ?? [], report["keys"]?.map { Finding($0) } ?? [])
        }

        @Test(
            "A15, a8: where every address answers, nothing is sent to one that is nobody's to fetch from, however it is written"
        )
        func addresses() async throws {
            let hosts = Self.special.flatMap { ["https://\($0)/c.json", "https://\($0):8443/c.json"] }
            let signing = Self.special.map { "https://\($0)/k.json" }
            let open = ["https://93.184.216.34/c.json", "https://[2606:2800:220:1::1]/c.json"]
            let found = try await Self.run(
                documents: open + hosts + Self.odd, keys: [open[0]] + signing + Self.oddForKeys)
            #expect(found.documents.count == open.count + hosts.count + Self.odd.count)
            // The canaries see what is let through.
            for finding in found.documents.prefix(open.count) + found.keys.prefix(1) {
                #expect(finding.seen.count >= 1, "\(finding.address): \(finding.status)")
            }
            for finding in found.documents.dropFirst(open.count) + found.keys.dropFirst() {
                #expect(finding.seen.isEmpty, "\(finding.address): \(finding.seen)")
                #expect(
                    !finding.isRedirected && (400..<504).contains(finding.status),
                    "\(finding.address): \(finding.status)")
                #expect(finding.status != 429 && finding.status != 500, "\(finding.address): \(finding.status)")
            }
        }
    }
}
