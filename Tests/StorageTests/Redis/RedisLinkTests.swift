import AuthorizationServer
import Crypto
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// What stands between us and Redis: TLS, accounts, and what a dump gives away.
@Suite("Redis link", .timeLimit(.minutes(2)))
struct RedisLinkTests {
    /// A certificate that a server shows, and what becomes of it.
    enum Certificate: String, CaseIterable, CustomTestStringConvertible {
        case good, address, expired, selfSigned, wrongName

        var testDescription: String { rawValue }
        var reason: String? {
            switch self {
            case .good, .address: nil
            case .expired: "expired"
            case .selfSigned: "self"
            case .wrongName: "mismatch"
            }
        }
    }

    @Test(
        "S04: a certificate that does not fit is no connection, and the reason is told", arguments: Certificate.allCases
    )
    func certificates(_ kind: Certificate) async throws {
        let certificates = try TestCertificates()
        let shown =
            switch kind {
            case .good: try certificates.issue("good", names: "DNS:localhost")
            case .address: try certificates.issue("address", names: "IP:127.0.0.1")
            case .expired: try certificates.issue("expired", names: "DNS:localhost", days: 0)
            case .selfSigned: try certificates.issue("self", names: "DNS:localhost", isTrusted: false)
            case .wrongName: try certificates.issue("other", names: "DNS:elsewhere.test")
            }
        let server = try encrypted(shown, certificates)
        try server.start()
        let host = kind == .address ? "127.0.0.1" : "localhost"
        let fixture = try RedisFixture("rediss://\(host):\(server.port)?ca=\(certificates.authority)")
        if let reason = kind.reason {
            let failure = await #expect(throws: StoreError.self) { try await fixture.store.issue(makeCode("c")) }
            #expect(failure?.code == .unavailable)
            #expect(failure?.detail.contains(reason) == true, "\(failure?.detail ?? "")")
            #expect(try server.command("DBSIZE", options: ["--tls", "--insecure"]).hasSuffix("0"), "nothing got there")
        } else {
            try await fixture.store.issue(makeCode("c"))
            let outcomes = try await race(100) { index in
                try await fixture.store.redeem(
                    digest("c"), refreshToken: digest("r\(index)"), failureLimit: 5, at: at(1))
            }
            #expect(outcomes.filter { $0 == .redeemed(makeGrant()) }.count == 1)
            // More than one TLS record, both ways.
            let large = String(repeating: "x", count: 300_000)
            #expect(try await fixture.store.add(makeUser(large, id: "u"), onlyIfFirst: true) == .added)
            #expect(try await fixture.store.user(UserID("u"))?.name == large)
        }
        fixture.keep()
    }

    @Test("S04: where TLS was asked for, nothing is sent in the clear")
    func noPlaintext() async throws {
        let server = try RedisServer()
        try server.start()
        let certificates = try TestCertificates()
        let fixture = try RedisFixture("rediss://:secret@127.0.0.1:\(server.port)?ca=\(certificates.authority)")
        let failure = await #expect(throws: StoreError.self) { try await fixture.store.issue(makeCode("c")) }
        #expect(failure?.code == .unavailable)
        #expect(try server.command("DBSIZE") == "0")
        #expect(try !server.command("INFO", "commandstats").contains("cmdstat_auth"))
        fixture.keep()
    }

    @Test("S04: authorities that cannot be read stop the start")
    func missingAuthority() throws {
        #expect(throws: TLSError.self) { _ = try RedisFixture("rediss://localhost?ca=/nowhere.pem") }
    }

    @Test("S04: the account and its password count, and it needs few rights")
    func accounts() async throws {
        let rights = "~sallyport:* resetchannels -@all +@read +@write +@scripting +@connection +info +wait"
        let server = try RedisServer(configuration: ["user default off", "user gateway on >pass:w%rd \(rights)"])
        try server.start()
        let good = try RedisFixture("redis://gateway:pass%3Aw%25rd@127.0.0.1:\(server.port)")
        try await good.store.openGrant()
        _ = try await good.store.revoke(GrantID("grant-1"), reason: .userRequest, at: at(2))
        #expect(try await good.store.sweep(at: at(90_000), revocationsBefore: at(0)) > 0)
        // It may not read the configuration, and is told what it can be told.
        #expect(try await good.store.weaknesses().count == 1)
        for account in ["gateway:wrong@", "nobody:pass@", "", ":pass@"] {
            let bad = try RedisFixture("redis://\(account)127.0.0.1:\(server.port)")
            let failure = await #expect(throws: StoreError.self) { try await bad.store.issue(makeCode("c")) }
            #expect(failure?.code == .unavailable, "\(account)")
            bad.keep()
        }
        good.keep()
    }

    @Test("S02: neither the snapshot nor the append-only file holds a secret")
    func canary() async throws {
        let server = try RedisServer(configuration: ["appendonly yes", "appendfsync always"])
        try server.start()
        let fixture = try RedisFixture(server.url)
        let store = fixture.store
        let canaries = ["CANARY-code", "CANARY-refresh", "CANARY-session", "CANARY-link", "CANARY-private-key"]
        try await store.issue(makeCode(canaries[0]))
        _ = try await store.redeem(
            digest(canaries[0]), refreshToken: digest(canaries[1]), failureLimit: 5, at: at(1))
        try await store.start(
            BrowserSession(id: digest(canaries[2]), user: UserID("u"), startedAt: start, lastSeenAt: start),
            replacing: nil)
        try await store.issue(
            OneTimeLink(id: digest(canaries[3]), user: UserID("u"), issuedAt: start, expiresAt: at(9)))
        let sealing = try #require(SealingKey(Random.bytes(32)))
        var key = makeKey("kid")
        key.sealedPrivateKey = try sealing.seal(Array(canaries[4].utf8), authenticating: Array("kid".utf8))
        _ = try await store.establish([key])
        try server.command("CONFIG", "SET", "rdbcompression", "no")
        try server.command("SAVE")
        var read = 0
        let folder = server.directory.path
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            guard let content = FileManager.default.contents(atPath: "\(folder)/\(name)") else { continue }
            if name.hasSuffix("rdb") || name.contains("aof") { read += content.count }
            for canary in canaries { #expect(content.range(of: Data(canary.utf8)) == nil, "\(canary) in \(name)") }
        }
        #expect(read > 1000, "there were files to look into")
        fixture.keep()
    }

    @Test("F02: a server that keeps less than was acknowledged is named at the start")
    func weaknesses() async throws {
        let server = try RedisServer(configuration: ["appendonly yes", "appendfsync always"])
        try server.start()
        let fixture = try RedisFixture(server.url)
        #expect(try await fixture.store.weaknesses() == [])
        try server.command("CONFIG", "SET", "appendfsync", "everysec")
        try server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        let found = try await fixture.store.weaknesses()
        #expect(found.count == 2)
        #expect(found.contains { $0.contains("appendfsync always") })
        #expect(found.contains { $0.contains("noeviction") })
        fixture.keep()
    }

    private func encrypted(
        _ shown: (certificate: String, key: String), _ certificates: TestCertificates
    ) throws -> RedisServer {
        try RedisServer(
            isEncrypted: true,
            configuration: [
                "tls-cert-file \(shown.certificate)", "tls-key-file \(shown.key)",
                "tls-ca-cert-file \(certificates.authority)", "tls-auth-clients no",
            ])
    }
}
