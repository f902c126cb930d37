import Crypto
import Testing

@testable import Storage

@Suite("Redis location")
struct RedisLocationTests {
    @Test("every part of a URL is read")
    func parts() throws {
        let plain = try RedisLocation(parsing: "redis://localhost")
        #expect(plain.endpoints == [.init(host: "localhost", port: 6379)])
        #expect(plain.user == nil && plain.password == nil && plain.database == 0 && !plain.isEncrypted)
        #expect(plain.prefix == "sallyport:" && plain.requiredReplicas(connected: 0) == 0)
        #expect(plain.requiredReplicas(connected: 3) == 1)
        let full = try RedisLocation(
            parsing: "rediss://me%40x:p%3A%25@[::1]:6380/3?ca=/etc/ca.pem&prefix=one%3A&replicas=2")
        #expect(full.endpoints == [.init(host: "::1", port: 6380)])
        #expect(full.user == "me@x" && full.password?.matches(Array("p:%".utf8)) == true)
        #expect(full.isEncrypted && full.authorityPath == "/etc/ca.pem" && full.database == 3)
        #expect(full.prefix == "one:" && full.requiredReplicas(connected: 0) == 2)
        #expect(full.description == "rediss://[::1]:6380", "neither account nor password is shown")
        let watched = try RedisLocation(
            parsing: "redis+sentinel://:secret@a,b:1234/main/5?sentinel_user=u&sentinel_password=p")
        #expect(watched.endpoints == [.init(host: "a", port: 26_379), .init(host: "b", port: 1234)])
        #expect(watched.user == nil && watched.password?.matches(Array("secret".utf8)) == true)
        #expect(watched.sentinel?.service == "main" && watched.database == 5)
        #expect(watched.sentinel?.user == "u" && watched.sentinel?.password?.matches(Array("p".utf8)) == true)
        #expect(
            watched.requiredReplicas(connected: 0) == 1, "behind sentinels nothing counts that one server alone knows")
    }

    @Test(
        "what is wrong is told without repeating it",
        arguments: [
            "redis:localhost", "http://localhost", "redis://", "redis://:secret@", "redis://a b", "redis://a:0",
            "redis://a:65536", "redis://a:6379x", "redis://secret@a", "redis://a,b", "redis://a/x", "redis://a/1/2",
            "redis://a?secret=1", "redis://a?replicas=x", "redis://a?replicas=1&replicas=2", "redis://a?prefix=",
            "redis://a?ca=x", "redis://a?sentinel_password=secret", "redis://u:%zz@a", "redis://u:%00@a",
            "redis+sentinel://a", "redis+sentinel://a/main/1/2", "redis://u:p@ss/word@a",
        ])
    func mistakes(_ text: String) {
        let error = #expect(throws: RedisLocation.ParseError.self) { _ = try RedisLocation(parsing: text) }
        #expect(error?.problem.contains("secret") == false && error?.hint.contains("word@a") == false)
    }
}
