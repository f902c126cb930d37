import AuthorizationServer
import Crypto
import Foundation
import TestSupport
import Testing

@testable import Sallyport

@Suite("Configuration of signing keys")
struct SigningConfigurationTests {
    @Test("the algorithm and the rotation of keys arrive where they belong") func keys() throws {
        let file = try ConfigurationFile(
            "oauth: {signing_algorithm: EdDSA, key_rotation: {interval: 30d, publish_ahead: 10m}}\n")
        let oauth = try file.load().oauth
        #expect(oauth.signingAlgorithm == .edDSA)
        #expect(oauth.keyRotation == KeyRotationPolicy(interval: .seconds(30 * 86_400), publishAhead: .seconds(600)))
        let off = try ConfigurationFile("oauth: {key_rotation: {enabled: false}}\n")
        #expect(try off.load().oauth.keyRotation == KeyRotationPolicy(interval: nil))
        #expect(try off.load().oauth.signingAlgorithm == .es256)
    }

    @Test(
        "what would not protect is refused with its place",
        arguments: [
            ("oauth: {signing_algorithm: HS256}\n", "oauth.signing_algorithm"),
            ("oauth: {key_rotation: {interval: 1m}}\n", "oauth.key_rotation.interval"),
            ("oauth: {key_rotation: {interval: 1h, publish_ahead: 1h}}\n", "oauth.key_rotation.interval"),
            ("oauth: {key_rotation: {publish_ahead: 1s}}\n", "oauth.key_rotation.publish_ahead"),
            ("oauth: {key_rotation: {intervall: 90d}}\n", "oauth.key_rotation.intervall"),
        ])
    func refusals(text: String, place: String) throws {
        let file = try ConfigurationFile(text)
        let error = #expect(throws: ConfigurationError.self) { try file.load() }
        #expect(error?.problems.map(\.path.description) == [place])
    }
}
